"""What each synapse kind does with spikes, in plain numpy."""
