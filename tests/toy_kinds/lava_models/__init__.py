"""The toy kinds as Lava Processes; imported in Lava's worker only."""

from lapilli.lava_models.neurons.kinds import LAVA_NEURONS, LayerReset
from lapilli.lava_models.neurons.lava_neuron import LavaNeuron
from lapilli.lava_models.synapses.kinds import LAVA_SYNAPSES
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.network import Layer
from toy_kinds.lava_models.processes import RepeatProcess, VoterProcess
from toy_kinds.neuron import Voter
from toy_kinds.synapse import RepeatSynapse


def _voter(layer: Layer, reset: LayerReset | None) -> VoterProcess:
    quorum = layer.neuron.per_neuron("quorum", layer.shape)
    return VoterProcess(quorum=quorum, start=layer.neuron.rest["tally"])


def _repeat(synapse: RepeatSynapse, wire: Wire) -> RepeatProcess:
    process = RepeatProcess(weights=synapse.effective_weights)
    wire.through(process)
    return process


LAVA_NEURONS[Voter.model] = LavaNeuron(
    VoterProcess,
    _voter,
    states={"tally": "tally"},
    inputs={"vote": "vote_in", "gate": "gate_in", "veto": "veto_in"},
    counters={"open_gates": "open_gates"},
)
LAVA_SYNAPSES[RepeatSynapse.kind] = LavaSynapse(_repeat, {})
