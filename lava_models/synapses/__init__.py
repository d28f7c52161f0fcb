"""Synapses as stock Lava Processes, a file for each kind. Import-safe modules only."""
