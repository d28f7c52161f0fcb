"""What commands work on: a network, by its file or by the folder of a run, and events, by file or by data set."""
