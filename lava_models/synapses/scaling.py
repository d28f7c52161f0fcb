"""Scaling: a Process behind one of Lava's that multiplies its sums by a power of two, without taking a step."""

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class ScalingProcess(AbstractProcess):  # type: ignore[misc]
    """Sends what comes times 2**weight_exp, rounded down.

    Arguments:
        size: sums.
        weight_exp: the exponent.
    """

    def __init__(self, *, size: int, weight_exp: int) -> None:
        super().__init__(weight_exp=weight_exp)
        self.a_in, self.a_out = InPort(shape=(size,)), OutPort(shape=(size,))


@implements(proc=ScalingProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyScaling(PyLoihiProcessModel):  # type: ignore[misc]
    """It stands behind a Process that sends before it receives: a loop of Processes does not wait for itself."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """One step."""
        self.a_out.send(_scaled(self.a_in.recv().astype(np.int32), self.proc_params["weight_exp"]))


def _scaled(total: npt.NDArray[np.int32], weight_exp: int) -> npt.NDArray[np.int32]:
    return np.left_shift(total, weight_exp) if weight_exp > 0 else np.right_shift(total, -weight_exp)


def scaled_into(sums: OutPort, entry: InPort, size: int, weight_exp: int) -> None:
    """Connect sums, flat, with the neurons that they feed, and scale them in between where there is an exponent."""
    if not weight_exp:
        sums.connect(entry)
        return
    process = ScalingProcess(size=size, weight_exp=weight_exp)
    sums.connect(process.a_in)
    process.a_out.connect(entry)
