"""Networks of one time step: maps cut into windows, whose potentials are handed on (arXiv 2401.10843)."""
