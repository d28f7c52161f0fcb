"""Keeping the spikes and the states that a run is asked for."""

from lapilli.simulators.compiled import compiled, spliced


@spliced
def keep_step(program, state, step, sample, keeps_spikes, state_at, kept, n_kept):
    """Keep this step's spikes and states of the layers asked for; returns how many spikes are kept by now."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        if keeps_spikes[layer]:
            at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
            n_spikes = state.spike_count[layer + 1, slot]
            for index in range(n_spikes):
                kept.layer[n_kept + index], kept.step[n_kept + index] = layer, step
                kept.neuron[n_kept + index] = state.spike_list[at + index]
            if program.sources[layer + 1].graded:
                for index in range(n_spikes):
                    kept.value[n_kept + index] = state.spike_value[at + index]
            n_kept += n_spikes
    if kept.states.shape[2]:
        _keep_states(program, state, step, sample, state_at, kept)
    return n_kept


@compiled
def _keep_states(program, state, step, sample, state_at, kept):
    """Keep the states asked for."""
    for layer in range(len(program.layers)):
        for row in range(program.layers[layer].n_states):
            place, first = state_at[layer, row], program.layers[layer].at
            if place >= 0:
                for i in range(program.layers[layer].n):
                    kept.states[sample, step, place + i] = state.neurons[row, first + i]
