"""All synapse kinds of this backend."""

from lapilli.netx_exports.synapses.kinds import (
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    HandOverSynapse,
    IdentitySynapse,
    JoinSynapse,
    RotarySynapse,
    TapsSynapse,
    WindowConvSynapse,
)
from lapilli.simulators.reference.synapses.conv import ConvPathway
from lapilli.simulators.reference.synapses.dense import DensePathway
from lapilli.simulators.reference.synapses.direct import DirectPathway
from lapilli.simulators.reference.synapses.hand_over import HandOverPathway
from lapilli.simulators.reference.synapses.identity import IdentityPathway
from lapilli.simulators.reference.synapses.join import JoinPathway
from lapilli.simulators.reference.synapses.pathway import Pathway
from lapilli.simulators.reference.synapses.rotary import RotaryPathway
from lapilli.simulators.reference.synapses.taps import TapsPathway
from lapilli.simulators.reference.synapses.window_conv import WindowConvPathway

PATHWAYS: dict[str, type[Pathway]] = {
    DenseSynapse.kind: DensePathway,
    ConvSynapse.kind: ConvPathway,
    IdentitySynapse.kind: IdentityPathway,
    DirectSynapse.kind: DirectPathway,
    TapsSynapse.kind: TapsPathway,
    RotarySynapse.kind: RotaryPathway,
    HandOverSynapse.kind: HandOverPathway,
    WindowConvSynapse.kind: WindowConvPathway,
    JoinSynapse.kind: JoinPathway,
}
"""A synapse at work, by kind."""
