"""All synapse kinds in Lava."""

from lapilli.lava_models.synapses.conv import CONV
from lapilli.lava_models.synapses.dense import DENSE
from lapilli.lava_models.synapses.direct import DIRECT
from lapilli.lava_models.synapses.hand_over import HAND_OVER
from lapilli.lava_models.synapses.identity import IDENTITY
from lapilli.lava_models.synapses.join import JOIN
from lapilli.lava_models.synapses.rotary import ROTARY
from lapilli.lava_models.synapses.taps import TAPS
from lapilli.lava_models.synapses.window_conv import WINDOW_CONV
from lapilli.lava_models.synapses.wire import LavaSynapse
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

LAVA_SYNAPSES: dict[str, LavaSynapse] = {
    DenseSynapse.kind: DENSE,
    ConvSynapse.kind: CONV,
    IdentitySynapse.kind: IDENTITY,
    DirectSynapse.kind: DIRECT,
    TapsSynapse.kind: TAPS,
    RotarySynapse.kind: ROTARY,
    HandOverSynapse.kind: HAND_OVER,
    WindowConvSynapse.kind: WINDOW_CONV,
    JoinSynapse.kind: JOIN,
}
"""How each kind runs in Lava."""
