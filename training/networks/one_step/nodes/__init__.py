"""The layers of the network of one time step: what each sends in training, and what it is when exported."""
