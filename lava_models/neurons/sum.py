"""Neurons that send what they receive."""

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

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer

_LIMIT = 2**23 - 1


class SumProcess(AbstractProcess):  # type: ignore[misc]
    """Sends what comes in a step as values, held within 24 bits."""

    def __init__(self, *, shape: tuple[int, ...]) -> None:
        super().__init__(shape=shape)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.total = Var(shape=shape, init=np.zeros(shape, int))


@implements(proc=SumProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySum(PyLoihiProcessModel):  # type: ignore[misc]
    """Nothing is kept: the Var is there to be recorded."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    total: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step."""
        self.total[:] = np.minimum(np.maximum(self.a_in.recv(), -_LIMIT), _LIMIT)
        self.s_out.send(self.total)


def _build(layer: Layer, reset: LayerReset | None) -> SumProcess:
    return SumProcess(shape=(layer.size,))


SUM = LavaNeuron(SumProcess, _build, {"total": "total"}, {"input": "a_in"})
