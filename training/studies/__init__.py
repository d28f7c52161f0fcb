"""Studies: trainings over seeds and settings, each a row of a table."""
