"""What numba compiles: one sequence element of a layer, forward and back, between the matrix products of torch."""
