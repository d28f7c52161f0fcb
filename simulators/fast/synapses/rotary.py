"""Rotary positions: each event is turned by the row of the table for the step in which it was sent."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import RotarySynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.spikes import value_of
from lapilli.simulators.fast.kernels.sums import sum_of
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.weights import short_weights


def lower(draft: Draft, layer: Layer, synapse: RotarySynapse, op: Operation) -> object:
    """Give an operation its table; the C-order number of each source neuron; the place of each C-order number."""
    table, final, shift = short_weights(synapse.effective_weights, synapse.weight_exp, draft.graded(synapse))
    op.lag = 1 + synapse.delay
    op.start, (op.positions, op.pairs) = synapse.start, table.shape[:2]
    places = draft.spots(layer, synapse)
    op.table_at = draft.tables.add(np.concatenate([draft.orders[synapse.source], places]))
    draft.store(op, table)
    draft.add_up(op, synapse, final, shift)
    return add_turned


@compiled
def add_turned(program, state, op, step, weights, first, n_events):
    """Add each event to the two neurons of its pair, turned by the angle of its position."""
    position = step - program.ops[op].lag - program.ops[op].start
    if position < 0 or position >= program.ops[op].positions:
        return
    pairs, n = program.ops[op].pairs, program.sources[program.ops[op].source].n
    row_at = program.ops[op].weight_at + 2 * pairs * position
    begin, end = sum_of(program.sums, program.ops[op])
    total, graded = state.sums[begin:end], program.sources[program.ops[op].source].graded
    numbers = program.tables[program.ops[op].table_at : program.ops[op].table_at + n]
    places = program.tables[program.ops[op].table_at + n : program.ops[op].table_at + 2 * n]
    row = weights[row_at : row_at + 2 * pairs]
    for index in range(first, first + n_events):
        number = np.uint32(numbers[np.uint64(state.spike_list[index])])
        value = value_of(state.spike_value, index, graded)
        # Unsigned, because a remainder of signed numbers takes twice as long.
        angle = np.uint64((number % np.uint32(2 * pairs)) & np.uint32(0xFFFFFFFE))
        cosine, sine = np.int64(row[angle]), np.int64(row[angle + np.uint64(1)])
        own, other = np.uint64(places[np.uint64(number)]), np.uint64(places[np.uint64(number ^ np.uint32(1))])
        # The first neuron of a pair gives its sine to the second, which gives its own back with the sign changed.
        sine = -sine if number & np.uint32(1) else sine
        total[own] = np.int32(total[own] + np.int32(cosine * value))
        total[other] = np.int32(total[other] + np.int32(sine * value))


ROTARY = SynapseKind(lower, (add_turned,))
