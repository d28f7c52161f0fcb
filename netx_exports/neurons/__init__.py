"""Neuron models: integer parameters, states and ports, a file for each kind."""
