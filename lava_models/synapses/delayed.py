"""What Processes of synapses share that Lava does not have: sums that wait for their step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

Int32 = npt.NDArray[np.int32]


class DelayedProcess(AbstractProcess):  # type: ignore[misc]
    """Takes what a source sends at `s_in`, and sends sums at `a_out` in later steps.

    Row d of the Var `waiting` is sent d + 1 steps after the step that is received now.

    Arguments:
        size: neurons of the source and of the target.
        longest: longest delay.
        graded: whether the source sends values; otherwise anything but 0 is a spike.
        weight_exp: each sum is multiplied by 2**weight_exp, rounding down.
        others: further parameters of the ProcessModel.
    """

    def __init__(self, *, size: int, longest: int, graded: bool, weight_exp: int, **others: Any) -> None:
        super().__init__(graded=graded, weight_exp=weight_exp, **others)
        self.s_in = InPort(shape=(size,))
        self.a_out = OutPort(shape=(size,))
        waiting = (longest + 1, size)
        self.waiting = Var(shape=waiting, init=np.zeros(waiting, int))


class DelayedModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Sends before it receives, as Lava's Dense does: a loop of Processes would wait for itself."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    waiting: Int32 = LavaPyType(np.ndarray, np.int32)

    def sums(self, step: int, values: Int32) -> Iterator[tuple[int, Int32]]:
        """(delay, sums before they are scaled) of what the source sends in a step, counted from 0."""
        raise NotImplementedError

    def run_spk(self) -> None:
        """One step."""
        self.a_out.send(self.waiting[0])
        self.waiting[:-1] = self.waiting[1:].copy()
        self.waiting[-1] = 0
        values = self.s_in.recv().astype(np.int32)
        if not self.proc_params["graded"]:
            values = (values != 0).astype(np.int32)
        for delay, total in self.sums(self.time_step - 1, values):
            self.waiting[delay] += _scaled(total, self.proc_params["weight_exp"])


def _scaled(total: Int32, weight_exp: int) -> Int32:
    # In 32 bits, which wrap, as in Lava's Dense.
    return np.left_shift(total, weight_exp) if weight_exp > 0 else np.right_shift(total, -weight_exp)
