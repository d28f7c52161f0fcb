"""Networks of SLAYER blocks by configuration, and their parts."""
