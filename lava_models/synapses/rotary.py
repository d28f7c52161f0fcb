"""Rotary positions: a Process that counts Lava's time steps, so that a run must be one sample."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lapilli.lava_models.synapses.delayed import DelayedModel, DelayedProcess, Int32
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.rotary import RotarySynapse


class RotaryProcess(DelayedProcess):
    """Turns pairs of neurons by the angle of the step.

    Arguments:
        size: neurons.
        matrices: (positions, pairs, 2, 2): what a pair of a head is multiplied by.
        start: step, from 0, of position 0.
        delay, graded, weight_exp: as of `DelayedProcess`.
    """

    def __init__(
        self, *, size: int, matrices: npt.NDArray[np.int32], start: int, delay: int, graded: bool, weight_exp: int
    ) -> None:
        super().__init__(size=size, longest=delay, graded=graded, weight_exp=weight_exp, start=start, delay=delay)
        self.matrices = Var(shape=matrices.shape, init=matrices)


@implements(proc=RotaryProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRotary(DelayedModel):
    """A product of each pair with the matrix of the step's position."""

    matrices: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def sums(self, step: int, values: Int32) -> Iterator[tuple[int, Int32]]:
        """One sum, where the table has the step's position."""
        position = step - self.proc_params["start"]
        if position in range(len(self.matrices)):
            matrices = self.matrices[position]
            pairs = values.astype(np.int64).reshape(-1, len(matrices), 2)
            turned = np.einsum("pij,hpj->hpi", matrices, pairs)
            # What Lava's Dense would add up wraps at 32 bits before it is scaled.
            yield self.proc_params["delay"], turned.reshape(-1).astype(np.int32)


def _connect(synapse: RotarySynapse, wire: Wire) -> RotaryProcess:
    cosine, sine = np.moveaxis(np.asarray(synapse.table).astype(np.int32), -1, 0)
    rows = (np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1))
    process = RotaryProcess(
        size=wire.n_sums,
        matrices=np.stack(rows, axis=-2),
        start=synapse.start,
        delay=synapse.delay,
        graded=wire.message_bits > 0,
        weight_exp=synapse.weight_exp,
    )
    wire.through(process)
    return process


ROTARY = LavaSynapse(_connect, {})
