"""One step of a lowered network, layer by layer."""

from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.kernels.calling import call_accumulation, call_step
from lapilli.simulators.fast.kernels.spikes import list_spikes, list_values, postpone
from lapilli.simulators.fast.kernels.sums import finish_sums
from lapilli.simulators.fast.neurons.layout import acts
from lapilli.simulators.fast.synapses.hand_over import take_over


@compiled
def advance(program, state, calls, step, neuron, value, first, last, reset_interval, reset_offset):
    """One step of the whole network.

    Arguments:
        program, state, calls: from `lower`, `new_state` and `calls_of`, each by reference.
        step: number of the step since the state was clear, from 0.
        neuron, value: int32, input events and, where the input is graded, their payloads.
        first, last: the events `first`…`last - 1` are those of this step.
        reset_interval, reset_offset: as in `Reset`; interval 0: none.
    """
    slot = step & (program.slots - 1)
    at, n_events = program.sources[0].at + slot * program.sources[0].n, last - first
    state.spike_count[0, slot] = n_events
    listed, events = state.spike_list[at : at + n_events], neuron[first:last]
    for index in range(n_events):
        listed[index] = events[index]
    if program.sources[0].graded:
        for index in range(n_events):
            state.spike_value[at + index] = value[first + index]
    postpone(program, state, 0, step)
    for op in range(len(program.ops)):
        if program.ops[op].carries:
            take_over(program, state, op, step)
    for layer in range(len(program.layers)):
        if reset_interval > 0 and (step + 1) % reset_interval == (reset_offset + 1 + layer) % reset_interval:
            _bring_to_rest(program, state, layer)
        _step_layer(program, state, calls, layer, step)


@compiled
def clear(program, state):
    """Back to the state in which every sample starts."""
    for layer in range(len(program.layers)):
        _bring_to_rest(program, state, layer)
    state.sums[:] = 0
    state.lines[:] = 0
    state.rings[:] = 0
    state.spares[:] = 0
    state.spike_count[:] = 0
    state.counted[:] = 0


@compiled
def _bring_to_rest(program, state, layer):
    """Bring the neurons of a layer to rest."""
    first, last = program.layers[layer].at, program.layers[layer].at + program.layers[layer].padded
    for row in range(program.layers[layer].n_states):
        state.neurons[row][first:last] = program.rest[layer, row]


@spliced
def _step_layer(program, state, calls, layer, step):
    """Add up what reaches a layer, step its neurons, and list those that spike."""
    wakes = acts(program.layers[layer], step)
    arrived = program.layers[layer].fed_late
    for op in range(program.layers[layer].first_op, program.layers[layer].first_op + program.layers[layer].n_ops):
        if program.ops[op].wide:
            arrived += _accumulate(program, state, calls, op, step, program.weights16)
        else:
            arrived += _accumulate(program, state, calls, op, step, program.weights8)
    if not wakes and not arrived:
        # All sums are 0 as they were, which is most steps of a layer with a long period.
        state.spike_count[layer + 1, step & (program.slots - 1)] = 0
        return
    shift = program.layers[layer].late_shift
    if shift < 0:
        finish_sums(program, state, layer, step)
        shift = 0
    if wakes:
        call_step(calls.steps[layer], program, state, layer, shift)
    at = program.layers[layer].ports_at
    state.sums[at : at + program.layers[layer].port_entries] = 0
    if not wakes:
        state.spike_count[layer + 1, step & (program.slots - 1)] = 0
        return
    list_spikes(program, state, layer, step)
    if program.sources[layer + 1].graded:
        list_values(program, state, layer, step)
    postpone(program, state, layer + 1, step)


@spliced
def _accumulate(program, state, calls, op, step, weights):
    """Add what the events that reach an operation in this step bring to its accumulator; how many they are."""
    source, spread = program.ops[op].source, program.ops[op].spread
    # The windows of a map wait for the last of them.
    if spread > 1 and (step - program.ops[op].start) % spread:
        return 0
    arrived = 0
    for late in range(spread):
        sent = step - program.ops[op].lag - late
        slot = sent & (program.slots - 1)
        n_events = state.spike_count[source, slot]
        if sent >= 0 and n_events:
            first = program.sources[source].at + slot * program.sources[source].n
            call_accumulation(calls.accumulations[op], program, state, op, step - late, weights, first, n_events)
            arrived += n_events
    return arrived
