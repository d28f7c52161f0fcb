"""The kinds of layers of a SpikeSCR network: each class is one, in training, in costs, and as it is exported."""
