"""The input's values as the neurons' input current: no Process."""

from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.direct import DirectSynapse


def _connect(synapse: DirectSynapse, wire: Wire) -> None:
    wire.sender.connect(wire.entry)


DIRECT = LavaSynapse(_connect, {})
