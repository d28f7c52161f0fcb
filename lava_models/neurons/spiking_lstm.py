"""Spiking LSTM: a Process that is one SNN step of a layer of cells."""

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

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset, Row
from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.spiking_lstm import SpikingLstm

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

# What the contract says in numbers: 17 bits of a current, 23 of a state, 6 between them, decays of 12.
_CURRENT = 2**17 - 1
_STATE = 2**23 - 1
_UNITY = 4096
_ALIGNED = 64

_ROWS = {state: row for row, state in enumerate(SpikingLstm.states)}
_MEMBRANES = [_ROWS[f"membrane_{name}"] for name in "ifot"]
_GATES = [_ROWS[f"gate_{name}"] for name in "ifo"]
_CURRENTS = [_ROWS[f"current_{name}"] for name in "ifgo"]


class SpikingLstmProcess(AbstractProcess):  # type: ignore[misc]
    """Units whose gates come as four sums each, gate after gate, and that hand their states over.

    Arguments:
        units: number of units.
        biases: of the sums, (4, units).
        parameters: thresholds and decays of i, f, o, t; starts of i, f, o; clamp.
        clock: when it acts.
    """

    def __init__(self, *, units: int, biases: Int32, parameters: Mapping[str, Int64], clock: Clock) -> None:
        super().__init__(period=clock.period, phase=clock.phase)
        self.currents_in, self.recurrent_in, self.membranes_in = (InPort(shape=(4 * units,)) for _ in range(3))
        self.s_out = OutPort(shape=(units,))
        self.currents_out, self.membranes_out = (OutPort(shape=(4 * units,)) for _ in range(2))
        self.biases = Var(shape=biases.shape, init=biases)
        self.thresholds, self.decays, self.starts, self.clamp = (
            Var(shape=values.shape, init=values) for values in parameters.values()
        )
        self.held = Var(shape=(len(_ROWS), units), init=np.zeros((len(_ROWS), units), int))


@implements(proc=SpikingLstmProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikingLstm(PyLoihiProcessModel):  # type: ignore[misc]
    """All units at once; every state is a row of the Var `held`."""

    currents_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    recurrent_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    membranes_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    currents_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    membranes_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    biases: Int64 = LavaPyType(np.ndarray, np.int64)
    thresholds: Int64 = LavaPyType(np.ndarray, np.int64)
    decays: Int64 = LavaPyType(np.ndarray, np.int64)
    starts: Int64 = LavaPyType(np.ndarray, np.int64)
    clamp: Int64 = LavaPyType(np.ndarray, np.int64)
    held: Int32 = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step: where the clock says so, of the cell; else what comes is dropped and silence is sent."""
        arrived = [port.recv() for port in (self.currents_in, self.recurrent_in, self.membranes_in)]
        currents, recurrent, before = (np.array(values, np.int64).reshape(self.biases.shape) for values in arrived)
        if not _acts(self.time_step - 1, self.proc_params):
            self.s_out.send(np.zeros(self.held.shape[1], np.int32))
            for port in (self.currents_out, self.membranes_out):
                port.send(np.zeros(self.biases.size, np.int32))
            return
        into_i, into_f, into_g, into_o = _within(currents + recurrent + self.biases, _CURRENT)
        leaked = _leaked(before, self.decays[:, None])
        gates = np.stack([into_i, into_f, into_o]) + self.starts[:, None]
        charged = _within(leaked[:3] + _ALIGNED * gates, _STATE)
        limits = _ALIGNED * self.thresholds[:, None]
        opened = charged >= limits[:3]
        cell = opened[1] * self.held[_ROWS["cell"]].astype(np.int64)
        added = _within(into_g, self.clamp)
        cell = _within(cell + opened[0] * added, _STATE)
        output = _within(leaked[3] + _ALIGNED * _within(cell, _CURRENT), _STATE)
        t = np.where(2 * np.abs(output) >= limits[3], np.sign(output), 0)
        self.held[_ROWS["cell"]] = cell
        self.held[_MEMBRANES] = np.vstack([charged - opened * limits[:3], output - t * limits[3]])
        self.held[_GATES] = opened
        self.held[_ROWS["gate_g"]] = added
        self.held[_CURRENTS] = currents
        self.s_out.send((opened[2] * t).astype(np.int32))
        self.currents_out.send(self.held[_CURRENTS].reshape(-1))
        self.membranes_out.send(self.held[_MEMBRANES].reshape(-1))


def _acts(step: int, clock: Mapping[str, Any]) -> bool:
    """Whether a layer with this period and phase acts in a step, counted from 0."""
    return step in range(clock["phase"], step + 1, clock["period"])


def _within(values: Any, limit: Any) -> Int64:
    """Held within plus and minus a limit."""
    return np.minimum(np.maximum(values, -limit), limit)


def _leaked(state: Int64, decay: Int64) -> Int64:
    """What a decay leaves, rounded towards zero."""
    product = state * (_UNITY - decay)
    return np.where(product < 0, -(-product // _UNITY), product // _UNITY)


def _build(layer: Layer, reset: LayerReset | None) -> SpikingLstmProcess:
    neuron = cast(SpikingLstm, layer.neuron)
    names = ("thresholds", "decays", "starts", "clamp")
    return SpikingLstmProcess(
        units=layer.size,
        biases=neuron.biases(layer.size),
        parameters={name: np.asarray(getattr(neuron, name), np.int64).reshape(-1) for name in names},
        clock=layer.clock,
    )


SPIKING_LSTM = LavaNeuron(
    SpikingLstmProcess,
    _build,
    {state: Row("held", row) for state, row in _ROWS.items()},
    {"input": "currents_in", "recurrent": "recurrent_in", "membranes": "membranes_in"},
    handed={"currents": "currents_out", "membranes": "membranes_out"},
)
