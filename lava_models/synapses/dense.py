"""All-to-all connections: stock `Dense`, and `DelayDense` where there are delays."""

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import DelayDense, Dense
from lava.utils.weightutils import SignMode

from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.dense import DenseSynapse

_SIGN_MODES = {"mixed": SignMode.MIXED, "excitatory": SignMode.EXCITATORY, "inhibitory": SignMode.INHIBITORY}


def _connect(synapse: DenseSynapse, wire: Wire) -> AbstractProcess:
    process = _process(synapse, wire.message_bits)
    wire.through(process)
    return process


def _process(synapse: DenseSynapse, message_bits: int) -> AbstractProcess:
    weights = np.asarray(synapse.weights).astype(np.int32)
    parameters = {
        "weights": weights,
        "weight_exp": synapse.weight_exp,
        # More than 8 bits make sense with a sign only: Lava would shift by a negative number.
        "num_weight_bits": synapse.weight_bits if synapse.sign_mode == "mixed" else min(synapse.weight_bits, 8),
        "sign_mode": _SIGN_MODES[synapse.sign_mode],
        "num_message_bits": message_bits,
    }
    if synapse.delays is None:
        return Dense(**parameters)
    delays = np.broadcast_to(np.asarray(synapse.delays), weights.shape).astype(int)
    return DelayDense(**parameters, delays=delays)


DENSE = LavaSynapse(_connect, {})
