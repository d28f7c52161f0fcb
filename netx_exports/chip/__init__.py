"""What Loihi 2 can hold: its limits, and what a network needs of it."""
