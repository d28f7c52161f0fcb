"""Hand-over: rows of states are added to a port's sums before the layers of a step are run."""

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import HandOverSynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.neurons.layout import acts
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind


def lower(draft: Draft, layer: Layer, synapse: HandOverSynapse, op: Operation) -> object:
    """Give an operation the rows of the states that it carries."""
    source = next(other for other in draft.network.layers if other.name == synapse.source)
    carried = source.neuron.handed[synapse.carried]
    op.table_at = draft.tables.add([source.neuron.states.index(state) for state in carried])
    op.carries = len(carried)
    draft.add_up(op, synapse)
    return pass_events


@compiled
def pass_events(program, state, op, step, weights, first, n_events):
    """Nothing: no event meets a hand-over."""


@compiled
def take_over(program, state, op, step):
    """Add what the source holds since the last step to the sums of this one; count what it hands over in this step.

    To be called before any layer is run: the source's states are then those of the end of the last step.
    """
    source, rows = program.ops[op].source - 1, program.ops[op].carries
    if acts(program.layers[source], step):
        state.counted[program.ops[op].counted_at] += rows * program.layers[source].n
    if step == 0 or not acts(program.layers[source], step - 1):
        return
    first, padded = program.layers[source].at, program.layers[source].padded
    at = program.sums[program.ops[op].sum].at
    for number in range(rows):
        held = state.neurons[program.tables[program.ops[op].table_at + number]][first : first + padded]
        total = state.sums[at + number * padded : at + (number + 1) * padded]
        for i in range(padded):
            total[i] += held[i]


HAND_OVER = SynapseKind(lower, (pass_events,))
