"""Neurons that see the windows of a map one after the other: a Process that is one window in a step."""

from collections.abc import Mapping
from typing import Any, cast

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
from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.window_lif import WindowLif

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

# What the contract says in numbers: a state of 23 bits, 6 of them below a sum, decays of 12, tables of 8, of which a
# quarter is 64, products of 14 bits.
_STATE = 2**23 - 1
_ALIGNED = 64
_UNITY = 4096
_PERIOD = 256
_QUARTER = 64
_PRODUCT = 14


class WindowLifProcess(AbstractProcess):  # type: ignore[misc]
    """Neurons of one window, which hand over their potential and its cosine.

    Arguments:
        bias, threshold: of each neuron, (neurons,): of its sum and of its potential.
        sine, table: (256,).
        settings: carry, windows, keep, unit, index_shift, table_shift.
        clock: when it acts.
    """

    def __init__(
        self,
        *,
        bias: Int64,
        threshold: Int64,
        sine: Int64,
        table: Int64,
        settings: Mapping[str, Any],
        clock: Clock,
    ) -> None:
        super().__init__(period=clock.period, phase=clock.phase, **settings)
        shape = bias.shape
        self.a_in, self.potentials_in, self.cosines_in = (InPort(shape=shape) for _ in range(3))
        self.s_out, self.potentials_out, self.cosines_out = (OutPort(shape=shape) for _ in range(3))
        self.bias, self.threshold = Var(shape=shape, init=bias), Var(shape=shape, init=threshold)
        self.sine, self.table = Var(shape=sine.shape, init=sine), Var(shape=table.shape, init=table)
        self.potential, self.cosine, self.window = (Var(shape=shape, init=np.zeros(shape, int)) for _ in range(3))
        self.products = Var(shape=(1,), init=np.zeros(1, int))


@implements(proc=WindowLifProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyWindowLif(PyLoihiProcessModel):  # type: ignore[misc]
    """All neurons at once. Products and shifts are divisions that round down, of 64 bits."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    potentials_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    cosines_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    potentials_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    cosines_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    bias: Int64 = LavaPyType(np.ndarray, np.int64)
    threshold: Int64 = LavaPyType(np.ndarray, np.int64)
    sine: Int64 = LavaPyType(np.ndarray, np.int64)
    table: Int64 = LavaPyType(np.ndarray, np.int64)
    potential: Int32 = LavaPyType(np.ndarray, np.int32)
    cosine: Int32 = LavaPyType(np.ndarray, np.int32)
    window: Int32 = LavaPyType(np.ndarray, np.int32)
    products: Int64 = LavaPyType(np.ndarray, np.int64)

    def run_spk(self) -> None:
        """One step: where the clock says so, of a window; else what comes is dropped and silence is sent."""
        arrived = [port.recv() for port in (self.a_in, self.potentials_in, self.cosines_in)]
        current, potentials, cosines = (np.array(values, np.int64) for values in arrived)
        late = self.time_step - 1 - self.proc_params["phase"]
        if late < 0 or late % self.proc_params["period"]:
            for port in (self.s_out, self.potentials_out, self.cosines_out):
                port.send(np.zeros(self.potential.shape, np.int32))
            return
        carries = self.window > 0
        begins = np.where(carries, self._carried(potentials, cosines), 0)
        charged = begins + _ALIGNED * (current + self.bias)
        self.potential[:] = np.minimum(np.maximum(charged, -_STATE), _STATE)
        self.cosine[:] = self._turned(_QUARTER)
        self.window[:] = np.where(self.window + 1 < self.proc_params["windows"], self.window + 1, 0)
        self.s_out.send((self.potential > self.threshold).astype(np.int32))
        self.potentials_out.send(self.potential)
        self.cosines_out.send(self.cosine)

    def _carried(self, potentials: Int64, cosines: Int64) -> Int64:
        """What a window that is not the first of its map begins with."""
        carry, unit = self.proc_params["carry"], self.proc_params["unit"]
        own = self.potential.astype(np.int64)
        if carry == "omega":
            self.products[0] += np.count_nonzero(self.window)
            return np.floor_divide(self._turned(0) * cosines * 2**unit, 2**_PRODUCT)
        shared = {
            "none": 0 * own,
            "group": own,
            "layer": potentials,
            "sum": own + potentials,
            "table": own + potentials,
        }
        if carry == "table":
            index = np.floor_divide(shared[carry], 2 ** self.proc_params["index_shift"])
            return self.table[np.minimum(np.maximum(index, -128), 127) + 128] * 2 ** self.proc_params["table_shift"]
        return np.floor_divide(shared[carry] * self.proc_params["keep"], _UNITY)

    def _turned(self, on: int) -> Int64:
        """The sine of the potential, so many entries on."""
        index = np.floor_divide(self.potential.astype(np.int64), 2 ** self.proc_params["index_shift"])
        return self.sine[np.mod(index + on, _PERIOD)]


def _build(layer: Layer, reset: LayerReset | None) -> WindowLifProcess:
    neuron = cast(WindowLif, layer.neuron)
    names = ("carry", "windows", "keep", "unit", "index_shift", "table_shift")
    table = np.zeros(_PERIOD) if neuron.table is None else neuron.table
    return WindowLifProcess(
        bias=neuron.per_neuron("bias_mant", layer.shape).astype(np.int64),
        threshold=_ALIGNED * neuron.per_neuron("vth_mant", layer.shape).astype(np.int64),
        sine=np.asarray(neuron.sine, np.int64),
        table=np.asarray(table, np.int64),
        settings={name: getattr(neuron, name) for name in names},
        clock=layer.clock,
    )


WINDOW_LIF = LavaNeuron(
    WindowLifProcess,
    _build,
    {"potential": "potential", "cosine": "cosine", "window": "window"},
    {"input": "a_in", "potentials": "potentials_in", "cosines": "cosines_in"},
    counters={"table_products": "products"},
    handed={"potentials": "potentials_out", "cosines": "cosines_out"},
)
