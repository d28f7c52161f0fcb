"""Synapses in the kernels: a file for each kind, with how it is lowered and its compiled accumulation."""
