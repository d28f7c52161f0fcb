"""Data sets that their publishers' files bring: what is where in them, and how it is read."""
