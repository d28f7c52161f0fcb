"""Join: in the step in which an image is complete, the events of each of its windows go to their places."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import JoinSynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.spikes import value_of
from lapilli.simulators.fast.kernels.sums import sum_of
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind


def lower(draft: Draft, layer: Layer, synapse: JoinSynapse, op: Operation) -> object:
    """Give an operation the weight of each place, and the place of each source neuron in each window."""
    op.start, op.spread, op.exponent = synapse.phase, synapse.windows, synapse.weight_exp
    places = draft.spots(layer, synapse)
    targets = synapse.targets(layer.shape)[:, draft.orders[synapse.source]]
    op.table_at = draft.tables.add(places[targets])
    weights = np.zeros(op.padded, np.int64)
    weights[places] = synapse.weights_of(layer.shape)
    draft.store(op, weights)
    draft.add_up(op, synapse)
    return add_joined


@compiled
def add_joined(program, state, op, step, weights, first, n_events):
    """Add each event of a window, times the weight of its place, to its place."""
    since = step - program.ops[op].lag - program.ops[op].start
    if since < 0:
        return
    source, exponent = program.ops[op].source, program.ops[op].exponent
    up, down = np.int32(max(exponent, 0)), np.int32(max(-exponent, 0))
    n, graded = program.sources[source].n, program.sources[source].graded
    begin, end = sum_of(program.sums, program.ops[op])
    total, weight_at = state.sums[begin:end], program.ops[op].weight_at
    table_at = program.ops[op].table_at + since % program.ops[op].spread * n
    for index in range(first, first + n_events):
        target = np.int64(program.tables[table_at + state.spike_list[index]])
        value = value_of(state.spike_value, index, graded)
        product = np.int32(np.int64(weights[weight_at + target]) * value)
        # Each window by itself, because a sum of several would be rounded otherwise.
        total[target] = np.int32(total[target] + np.int32(np.int32(product << up) >> down))


JOIN = SynapseKind(lower, (add_joined,))
