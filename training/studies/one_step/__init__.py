"""Studies about networks of one time step."""
