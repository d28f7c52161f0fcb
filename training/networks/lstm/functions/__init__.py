"""Layers as functions of torch with gradients: kernels of one element each, and matrix products between them."""
