"""From SLAYER's blocks to a network."""
