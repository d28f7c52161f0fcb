"""A NIR graph as the real numbers that it says: what a float network is, before anything is rounded."""
