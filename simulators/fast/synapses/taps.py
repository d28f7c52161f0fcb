"""Taps in time: each event is put into the ring of steps to come, once for each tap."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import TapsSynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.spikes import value_of
from lapilli.simulators.fast.kernels.sums import RING
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.weights import short_weights


def lower(draft: Draft, layer: Layer, synapse: TapsSynapse, op: Operation) -> object:
    """Give an operation the taps of each source neuron, side by side, and the place that it feeds."""
    weights, final, shift = short_weights(synapse.effective_weights, synapse.weight_exp, draft.graded(synapse))
    op.taps, op.first_tap = len(weights), synapse.delay
    op.table_at = draft.tables.add(draft.places(layer, synapse))
    draft.store(op, weights[:, draft.orders[synapse.source]].T)
    draft.add_up(op, synapse, final, shift, ring=True)
    return add_taps


@compiled
def add_taps(program, state, op, step, weights, first, n_events):
    """Put the taps of each event into the ring of steps to come, or, where sums are rounded, aside by delay."""
    number, taps = program.ops[op].sum, program.ops[op].taps
    padded = program.ops[op].padded
    aside = program.sums[number].spare_at >= 0
    pool = state.spares if aside else state.rings
    base = program.sums[number].spare_at if aside else program.sums[number].ring_at + (step & (RING - 1)) * padded
    graded = program.sources[program.ops[op].source].graded
    steps = pool[base + program.ops[op].first_tap * padded : base + (program.ops[op].first_tap + taps) * padded]
    for index in range(first, first + n_events):
        neuron = np.int64(state.spike_list[index])
        row = weights[program.ops[op].weight_at + neuron * taps : program.ops[op].weight_at + (neuron + 1) * taps]
        place = np.int64(program.tables[program.ops[op].table_at + neuron])
        value = value_of(state.spike_value, index, graded)
        for tap in range(taps):
            at = np.uint64(place + tap * padded)
            steps[at] = np.int32(steps[at] + np.int32(np.int64(row[tap]) * value))


TAPS = SynapseKind(lower, (add_taps,))
