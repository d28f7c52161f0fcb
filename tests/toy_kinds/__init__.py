"""Kinds from outside of lapilli, as a user would add them: a voting neuron of three ports, a repeating synapse."""

from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import SYNAPSES
from lapilli.simulators.reference.neurons.kinds import POPULATIONS
from lapilli.simulators.reference.synapses.kinds import PATHWAYS
from toy_kinds.neuron import Voter, Voters
from toy_kinds.synapse import RepeatPathway, RepeatSynapse

NEURONS[Voter.model] = Voter
POPULATIONS[Voter.model] = Voters
SYNAPSES[RepeatSynapse.kind] = RepeatSynapse
PATHWAYS[RepeatSynapse.kind] = RepeatPathway

__all__ = ["RepeatSynapse", "Voter"]
