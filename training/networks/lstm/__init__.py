"""LSTMs to train: a source with activations of three kinds, and the spiking network of integers that it becomes.

A reconstruction: of the published system (arXiv 2210.12613) we have the abstract alone, so every equation is ours.
"""
