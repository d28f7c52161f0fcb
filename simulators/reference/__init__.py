"""The `reference` backend: the meaning of everything, in plain numpy."""
