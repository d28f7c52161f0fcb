"""The compiled loops around neurons and synapses: steps, sums, lists of spikes, counts, and what is kept."""
