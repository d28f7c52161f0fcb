"""Spike attention: a Process that holds the memory of all heads as one Var."""

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
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.attention import LARGEST_HEAD, SpikeAttention

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

# What the contract says in numbers, of Lava's 24-bit states and 12-bit decays.
_LIMIT = 2**23 - 1
_UNITY = 4096
_COINCIDENCE = 64


class SpikeAttentionProcess(AbstractProcess):  # type: ignore[misc]
    """Neurons, head after head, that remember which keys and values came together.

    Row i of the Var `memory`, (head, neurons), holds for each neuron how often it met key i of its head.

    Arguments:
        head: neurons of a head.
        vth, voltage_decay: for each neuron; a voltage of `vth << 6` is enough for a spike.
        memory_decay: of all memory, in 1/4096.
    """

    def __init__(self, *, head: int, vth: Int32, voltage_decay: Int32, memory_decay: int) -> None:
        shape = vth.shape
        super().__init__(shape=shape)
        self.query_in, self.key_in, self.value_in, self.write_in = (InPort(shape=shape) for _ in range(4))
        self.s_out = OutPort(shape=shape)
        self.vth = Var(shape=shape, init=vth)
        self.voltage_decay = Var(shape=shape, init=voltage_decay)
        self.memory_decay = Var(shape=(1,), init=np.array([memory_decay]))
        self.voltage = Var(shape=shape, init=np.zeros(shape, int))
        self.memory = Var(shape=(head, *shape), init=np.zeros((head, *shape), int))
        self.writes = Var(shape=(1,), init=np.zeros(1, int))
        self.reads = Var(shape=(1,), init=np.zeros(1, int))


@implements(proc=SpikeAttentionProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikeAttention(PyLoihiProcessModel):  # type: ignore[misc]
    """All heads at once: the memory as (heads, keys, values), read by a product of matrices."""

    query_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    key_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    value_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    write_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    vth: Int32 = LavaPyType(np.ndarray, np.int32)
    voltage_decay: Int32 = LavaPyType(np.ndarray, np.int32)
    memory_decay: Int32 = LavaPyType(np.ndarray, np.int32)
    voltage: Int32 = LavaPyType(np.ndarray, np.int32)
    memory: Int32 = LavaPyType(np.ndarray, np.int32)
    writes: Int64 = LavaPyType(np.ndarray, np.int64)
    reads: Int64 = LavaPyType(np.ndarray, np.int64)

    def run_spk(self) -> None:
        """One step."""
        ports = (self.query_in, self.key_in, self.value_in, self.write_in)
        query, key, value, write = (np.where(port.recv() >= 1, 1, 0) for port in ports)
        head = len(self.memory)
        query, key, value = (spikes.reshape(-1, head) for spikes in (query, key, value * write))
        # (heads, keys, values)
        meetings = key[:, :, None] * value[:, None, :]
        memory = _kept(self.memory, self.memory_decay).reshape(head, -1, head).swapaxes(0, 1)
        memory = _held(memory + _COINCIDENCE * meetings)
        # (heads, 1, keys) times (heads, keys, values)
        current = _held(np.matmul(query[:, None, :], memory)).reshape(-1)
        self.writes[0] += meetings.sum()
        self.reads[0] += np.matmul(query[:, None, :], memory != 0).sum()
        self.memory[:] = memory.swapaxes(0, 1).reshape(self.memory.shape)
        voltage = _held(_kept(self.voltage, self.voltage_decay) + current)
        reached = voltage >= self.vth * _COINCIDENCE
        self.voltage[:] = np.where(reached, 0, voltage)
        self.s_out.send(reached.astype(np.int32))


def _kept(state: Any, decay: Int32) -> Int64:
    """What a decay leaves, rounded towards zero."""
    product = state.astype(np.int64) * (_UNITY - decay)
    return np.where(product < 0, -(-product // _UNITY), product // _UNITY)


def _held(state: Int64) -> Int64:
    """Held within 24 bits."""
    return np.minimum(np.maximum(state, -_LIMIT), _LIMIT)


def _build(layer: Layer, reset: LayerReset | None) -> SpikeAttentionProcess:
    neuron, shape = cast(SpikeAttention, layer.neuron), layer.shape
    return SpikeAttentionProcess(
        head=neuron.head,
        vth=neuron.per_neuron("vth_mant", shape),
        voltage_decay=neuron.per_neuron("voltage_decay", shape),
        memory_decay=neuron.memory_decay,
    )


SPIKE_ATTENTION = LavaNeuron(
    SpikeAttentionProcess,
    _build,
    {"voltage": "voltage"} | {f"memory_{key}": Row("memory", key) for key in range(LARGEST_HEAD)},
    {"query": "query_in", "key": "key_in", "value": "value_in", "write": "write_in"},
    {"attention_writes": "writes", "attention_reads": "reads"},
)
