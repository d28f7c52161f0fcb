"""Convolutions of one window of a map: a Process cuts the window out and lets it wait, stock `Conv` does the rest."""

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lapilli.lava_models.synapses.conv import connect_conv
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.synapse import Shape
from lapilli.netx_exports.synapses.window_conv import WindowConvSynapse

Int32 = npt.NDArray[np.int32]


class CutProcess(AbstractProcess):  # type: ignore[misc]
    """Sends what some of its inputs received `delay` steps ago; without a delay in the step itself.

    Arguments:
        size: inputs.
        kept: numbers of the inputs that are sent on.
        delay: steps.
    """

    def __init__(self, *, size: int, kept: npt.NDArray[np.int64], delay: int) -> None:
        super().__init__(delay=delay)
        self.s_in, self.s_out = InPort(shape=(size,)), OutPort(shape=kept.shape)
        self.kept = Var(shape=kept.shape, init=kept)
        waiting = (delay + 1, len(kept))
        self.waiting = Var(shape=waiting, init=np.zeros(waiting, int))


@implements(proc=CutProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyCut(PyLoihiProcessModel):  # type: ignore[misc]
    """It stands before a Conv, which sends before it receives: a loop of Processes does not wait for itself."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    kept: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    waiting: Int32 = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step."""
        self.waiting[-1] = np.array(self.s_in.recv(), np.int32)[self.kept]
        self.s_out.send(self.waiting[0])
        self.waiting[:-1] = self.waiting[1:].copy()


def _connect(synapse: WindowConvSynapse, wire: Wire) -> AbstractProcess:
    kept = _window(synapse, wire.source_shape)
    cut = CutProcess(size=int(np.prod(wire.source_shape)), kept=kept.reshape(-1), delay=synapse.delay)
    wire.sender.connect(cut.s_in)
    return connect_conv(synapse.within, cut.s_out, kept.shape, synapse.weight_exp, wire)


def _window(synapse: WindowConvSynapse, source_shape: Shape) -> npt.NDArray[np.int64]:
    """Numbers of the source's neurons that lie in the window, (C, height, width)."""
    numbers = np.arange(np.prod(source_shape)).reshape(source_shape)
    rows, columns = (first + np.arange(side) for first, side in zip(synapse.origin, synapse.window))
    return numbers[:, rows[:, None], columns[None, :]]


WINDOW_CONV = LavaSynapse(_connect, {})
