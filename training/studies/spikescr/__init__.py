"""Studies of SpikeSCR: what it knows of a word while it is spoken, what it costs, and what its parts are good for."""
