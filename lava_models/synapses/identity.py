"""Skip paths: stock `Sparse`, and `DelaySparse` where there is a delay."""

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import identity

from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.identity import IdentitySynapse


def _connect(synapse: IdentitySynapse, wire: Wire) -> AbstractProcess:
    process = _process(synapse, wire.n_sums, wire.message_bits)
    wire.through(process)
    return process


def _process(synapse: IdentitySynapse, size: int, message_bits: int) -> AbstractProcess:
    # Sparse: the diagonal of a Dense would take the square of its size.
    weights = (identity(size, np.int32, "csr") * synapse.weight).astype(np.int32)
    parameters = {
        "weights": weights,
        "weight_exp": synapse.weight_exp,
        # Nine bits only where the lowest counts: the chip has eight.
        "num_weight_bits": 8 + synapse.weight % 2,
        "sign_mode": SignMode.MIXED,
        "num_message_bits": message_bits,
    }
    if not synapse.delay:
        return Sparse(**parameters)
    return DelaySparse(**parameters, delays=(identity(size, int, "csr") * synapse.delay).astype(int))


IDENTITY = LavaSynapse(_connect, {})
