"""Recordings of spikes and states: what is recorded, the file, the pictures."""
