"""All synapse kinds: integer weights from a source to a port; all but `DirectSynapse` take one step plus delay."""

from lapilli.netx_exports.synapses.conv import ConvSynapse
from lapilli.netx_exports.synapses.dense import DenseSynapse, truncate_weights
from lapilli.netx_exports.synapses.direct import DirectSynapse
from lapilli.netx_exports.synapses.hand_over import HandOverSynapse
from lapilli.netx_exports.synapses.identity import IdentitySynapse
from lapilli.netx_exports.synapses.join import JoinSynapse
from lapilli.netx_exports.synapses.rotary import RotarySynapse
from lapilli.netx_exports.synapses.synapse import (
    INPUT,
    MAX_DELAY,
    WEIGHT_BITS_RANGE,
    WEIGHT_EXP_RANGE,
    WEIGHT_RANGE,
    Shape,
    SignMode,
    Synapse,
    shift_sum,
)
from lapilli.netx_exports.synapses.taps import TapsSynapse
from lapilli.netx_exports.synapses.window_conv import WindowConvSynapse

__all__ = [
    "INPUT",
    "MAX_DELAY",
    "SYNAPSES",
    "WEIGHT_BITS_RANGE",
    "WEIGHT_EXP_RANGE",
    "WEIGHT_RANGE",
    "ConvSynapse",
    "DenseSynapse",
    "DirectSynapse",
    "HandOverSynapse",
    "IdentitySynapse",
    "JoinSynapse",
    "RotarySynapse",
    "Shape",
    "SignMode",
    "Synapse",
    "TapsSynapse",
    "WindowConvSynapse",
    "shift_sum",
    "truncate_weights",
]

SYNAPSES: dict[str, type[Synapse]] = {
    kind.kind: kind
    for kind in (
        DenseSynapse,
        ConvSynapse,
        IdentitySynapse,
        DirectSynapse,
        TapsSynapse,
        RotarySynapse,
        HandOverSynapse,
        WindowConvSynapse,
        JoinSynapse,
    )
}
"""Synapse kinds by name; a new one joins here, or from outside by `lapilli.netx_exports.extensions`."""
