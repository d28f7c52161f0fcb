"""Compiled loops of the network of one time step; each is called from `functions/`."""
