"""Steps of the network of one time step as torch functions with gradients.

Maps are (samples, rows, columns, channels).
"""
