"""A step of each neuron kind, in plain numpy."""
