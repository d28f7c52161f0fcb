"""Synapse kinds: integer weights between layers, a file for each kind."""
