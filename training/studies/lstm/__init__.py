"""Studies of spiking LSTMs."""
