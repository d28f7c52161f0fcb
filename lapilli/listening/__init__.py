"""Listening: sound through a network as a stream, with the decision as it forms."""
