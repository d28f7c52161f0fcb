"""One connection of one weight for each neuron."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import IdentitySynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.sums import sum_of
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.weights import short_weights


def lower(draft: Draft, layer: Layer, synapse: IdentitySynapse, op: Operation) -> object:
    """Give an operation its weight and the place that each source neuron feeds."""
    op.lag = 1 + synapse.delay
    op.table_at = draft.tables.add(draft.places(layer, synapse))
    weight, final, shift = short_weights(np.array([synapse.weight]), synapse.weight_exp, draft.graded(synapse))
    draft.store(op, weight)
    draft.add_up(op, synapse, final, shift)
    return add_one_to_one


@compiled
def add_one_to_one(program, state, op, step, weights, first, n_events):
    """Add the weight times each event's value, each to its place."""
    weight, table_at = np.int64(weights[program.ops[op].weight_at]), program.ops[op].table_at
    begin, end = sum_of(program.sums, program.ops[op])
    total, events = state.sums[begin:end], state.spike_list[first : first + n_events]
    places = program.tables[table_at : table_at + program.sources[program.ops[op].source].n]
    if program.sources[program.ops[op].source].graded:
        for index in range(n_events):
            target = np.uint64(places[np.uint64(events[index])])
            total[target] = np.int32(total[target] + np.int32(weight * state.spike_value[first + index]))
    else:
        for index in range(n_events):
            total[np.uint64(places[np.uint64(events[index])])] += np.int32(weight)


IDENTITY = SynapseKind(lower, (add_one_to_one,))
