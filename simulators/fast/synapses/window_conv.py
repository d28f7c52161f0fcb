"""Convolutions of one window of a map: as those of the map, but that taps lead nowhere from outside of the window."""

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import WindowConvSynapse
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.conv import add_kernels, lower_taps, weights_of
from lapilli.simulators.fast.synapses.kind import SynapseKind


def lower(draft: Draft, layer: Layer, synapse: WindowConvSynapse, op: Operation) -> object:
    """Give an operation its kernels and tables; the kernels are those of `ConvSynapse`."""
    weights, final, shift = weights_of(synapse, draft.graded(synapse))
    op.lag = 1 + synapse.delay
    draft.add_up(op, synapse, final, shift)
    lower_taps(draft, layer, synapse, op, weights)
    return add_kernels


WINDOW_CONV = SynapseKind(lower, ())
