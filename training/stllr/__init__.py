"""S-TLLR: learning forward in time, with a memory that does not grow with the number of steps (arXiv 2306.15220)."""
