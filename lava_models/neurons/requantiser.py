"""Neurons that scale what arrives back to a few bits."""

from typing import cast

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
from lapilli.netx_exports.neurons.requantiser import Requantiser

Int64 = npt.NDArray[np.int64]


class RequantiserProcess(AbstractProcess):  # type: ignore[misc]
    """Sends what comes in a step as scaled values.

    Arguments:
        bias, mult: of each neuron, (neurons,).
        table: what is sent in place of low, low + 1, … high.
        shift, low: as of the kind.
        clock: when it acts.
    """

    def __init__(self, *, bias: Int64, mult: Int64, table: Int64, shift: int, low: int, clock: Clock) -> None:
        super().__init__(period=clock.period, phase=clock.phase, shift=shift, low=low)
        self.a_in, self.s_out = InPort(shape=bias.shape), OutPort(shape=bias.shape)
        self.bias, self.mult = Var(shape=bias.shape, init=bias), Var(shape=mult.shape, init=mult)
        self.table = Var(shape=table.shape, init=table)
        self.value = Var(shape=bias.shape, init=np.zeros(bias.shape, int))


@implements(proc=RequantiserProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRequantiser(PyLoihiProcessModel):  # type: ignore[misc]
    """Nothing is kept: the Var is there to be recorded."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    bias: Int64 = LavaPyType(np.ndarray, np.int64)
    mult: Int64 = LavaPyType(np.ndarray, np.int64)
    table: Int64 = LavaPyType(np.ndarray, np.int64)
    value: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step: where the clock says so; else what comes is dropped and silence is sent."""
        arriving = np.array(self.a_in.recv(), np.int64)
        late = self.time_step - 1 - self.proc_params["phase"]
        if late < 0 or late % self.proc_params["period"]:
            self.s_out.send(np.zeros(self.value.shape, np.int32))
            return
        scaled = np.floor_divide((arriving + self.bias) * self.mult, 2 ** self.proc_params["shift"])
        place = scaled - self.proc_params["low"]
        self.value[:] = self.table[np.minimum(np.maximum(place, 0), len(self.table) - 1)]
        self.s_out.send(self.value)


def _build(layer: Layer, reset: LayerReset | None) -> RequantiserProcess:
    neuron = cast(Requantiser, layer.neuron)
    within = np.arange(neuron.low, neuron.high + 1)
    return RequantiserProcess(
        bias=neuron.per_neuron("bias_mant", layer.shape).astype(np.int64),
        mult=neuron.per_neuron("mult", layer.shape).astype(np.int64),
        table=within if neuron.table is None else np.asarray(neuron.table, np.int64)[within + 128],
        shift=neuron.shift,
        low=neuron.low,
        clock=layer.clock,
    )


REQUANTISER = LavaNeuron(RequantiserProcess, _build, {"message": "value"}, {"input": "a_in"})
