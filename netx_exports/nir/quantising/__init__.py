"""From a float network to a network of integers: what is rounded, by how much, and what has no equivalent."""
