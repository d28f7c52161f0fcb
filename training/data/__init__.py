"""Data sets for training: what is here, how to frame it, and what it becomes."""
