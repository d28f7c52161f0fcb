"""What `lapilli profile` does: networks run over an event file, their counts and bills, and how these are shown."""
