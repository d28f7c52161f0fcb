"""Taps in time: a Process of its own, because Lava's `DelaySparse` has one delay for each pair of neurons."""

from collections.abc import Iterator

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.utils.weightutils import SignMode, clip_weights, truncate_weights

from lapilli.lava_models.synapses.delayed import DelayedModel, DelayedProcess, Int32
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.taps import TapsSynapse


class TapsProcess(DelayedProcess):
    """One weight for each tap and neuron, (taps, neurons).

    Arguments:
        weights: as Lava's Dense takes them.
        num_weight_bits, sign_mode: likewise.
        delay: of the first tap.
        graded, weight_exp: as of `DelayedProcess`.
    """

    def __init__(
        self, *, weights: Int32, num_weight_bits: int, sign_mode: SignMode, delay: int, graded: bool, weight_exp: int
    ) -> None:
        taps, size = weights.shape
        super().__init__(size=size, longest=delay + taps - 1, graded=graded, weight_exp=weight_exp, delay=delay)
        kept = truncate_weights(clip_weights(weights, sign_mode, num_bits=8), sign_mode, num_weight_bits)
        self.weights = Var(shape=weights.shape, init=kept)


@implements(proc=TapsProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTaps(DelayedModel):
    """A product for each tap."""

    weights: Int32 = LavaPyType(np.ndarray, np.int32)

    def sums(self, step: int, values: Int32) -> Iterator[tuple[int, Int32]]:
        """(delay, product) of each tap."""
        yield from enumerate(self.weights * values, self.proc_params["delay"])


def _connect(synapse: TapsSynapse, wire: Wire) -> TapsProcess:
    process = TapsProcess(
        weights=np.asarray(synapse.weights).astype(np.int32),
        # As of Dense: more than 8 bits make sense with a sign only.
        num_weight_bits=synapse.weight_bits if synapse.sign_mode == "mixed" else min(synapse.weight_bits, 8),
        sign_mode=SignMode[synapse.sign_mode.upper()],
        delay=synapse.delay,
        graded=wire.message_bits > 0,
        weight_exp=synapse.weight_exp,
    )
    wire.through(process)
    return process


TAPS = LavaSynapse(_connect, {})
