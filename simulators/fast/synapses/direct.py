"""The input's values as current in the same step."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import DirectSynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.sums import sum_of
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind


def lower(draft: Draft, layer: Layer, synapse: DirectSynapse, op: Operation) -> object:
    """Give an operation the place that each input neuron feeds."""
    op.lag = 0
    op.table_at = draft.tables.add(draft.places(layer, synapse))
    draft.add_up(op, synapse)
    return add_values


@compiled
def add_values(program, state, op, step, weights, first, n_events):
    """Add the events' values, each to its place."""
    table_at = program.ops[op].table_at
    events, values = state.spike_list[first : first + n_events], state.spike_value[first : first + n_events]
    targets = program.tables[table_at : table_at + program.sources[program.ops[op].source].n]
    begin, end = sum_of(program.sums, program.ops[op])
    total = state.sums[begin:end]
    for index in range(n_events):
        total[np.uint64(targets[np.uint64(events[index])])] += values[index]


DIRECT = SynapseKind(lower, (add_values,))
