"""One connection of one weight for each neuron."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import IdentitySynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.spikes import value_of
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
    weight_at, table_at = program.ops[op].weight_at, program.ops[op].table_at
    begin, end = sum_of(program.sums, program.ops[op])
    total, graded = state.sums[begin:end], program.sources[program.ops[op].source].graded
    for index in range(first, first + n_events):
        value = value_of(state.spike_value, index, graded)
        target = program.tables[table_at + state.spike_list[index]]
        total[target] = np.int32(total[target] + np.int32(np.int64(weights[weight_at]) * value))


IDENTITY = SynapseKind(lower, (add_one_to_one,))
