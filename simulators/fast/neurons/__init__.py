"""Neuron models in the kernels: a file for each family, with its compiled step and what the step needs."""
