"""Hand-over: what a Process hands over waits for the next step."""

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
from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.synapses.hand_over import HandOverSynapse


class HandOverProcess(DelayedProcess):
    """Sends what it received in the step before.

    Arguments:
        size: numbers that are handed over in a step.
        clock: of the source, which sends zeros where it does not act: these are not counted.
    """

    def __init__(self, *, size: int, clock: Clock) -> None:
        super().__init__(size=size, longest=0, graded=True, weight_exp=0, period=clock.period, phase=clock.phase)
        self.handed = Var(shape=(1,), init=np.zeros(1, int))


@implements(proc=HandOverProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyHandOver(DelayedModel):
    """What comes is passed on as it is."""

    handed: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def sums(self, step: int, values: Int32) -> Iterator[tuple[int, Int32]]:
        """(0, what is handed over in this step)."""
        late = step - self.proc_params["phase"]
        self.handed[0] += len(values) * (late >= 0 and late % self.proc_params["period"] == 0)
        yield 0, values


def _connect(synapse: HandOverSynapse, wire: Wire) -> HandOverProcess:
    process = HandOverProcess(size=wire.n_sums, clock=wire.clock)
    wire.through(process)
    return process


HAND_OVER = LavaSynapse(_connect, {"handed_values": "handed"})
