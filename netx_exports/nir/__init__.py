"""NIR graphs: reading, writing, and what NIR cannot say."""
