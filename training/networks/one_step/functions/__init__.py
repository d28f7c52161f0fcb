"""Steps of the network of one time step as torch functions with gradients, on maps (samples, rows, columns, channels)."""
