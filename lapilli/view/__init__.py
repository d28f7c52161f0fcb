"""A network at work as one page that a person can play with: samples run, are packed, and become HTML."""
