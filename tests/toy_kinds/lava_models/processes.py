"""Processes of the toy kinds and their models. Import-safe: Lava's compiler executes this file by path."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class VoterProcess(AbstractProcess):
    """Neurons that vote."""

    def __init__(self, *, quorum: Any, start: int) -> None:
        shape = quorum.shape
        super().__init__(shape=shape)
        self.vote_in, self.gate_in, self.veto_in = (InPort(shape=shape) for _ in range(3))
        self.s_out = OutPort(shape=shape)
        self.quorum = Var(shape=shape, init=quorum)
        self.tally = Var(shape=shape, init=np.full(shape, start))
        self.open_gates = Var(shape=(1,), init=np.zeros(1, int))


class RepeatProcess(AbstractProcess):
    """A weight for each neuron, and half of it a step later."""

    def __init__(self, *, weights: Any) -> None:
        super().__init__(shape=weights.shape)
        self.s_in = InPort(shape=weights.shape)
        self.a_out = OutPort(shape=weights.shape)
        self.weights = Var(shape=weights.shape, init=weights)
        self.last = Var(shape=weights.shape, init=np.zeros(weights.shape, int))
        self.before = Var(shape=weights.shape, init=np.zeros(weights.shape, int))


@implements(proc=VoterProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyVoter(PyLoihiProcessModel):
    """Compares with the quorum."""

    vote_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    gate_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    veto_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    quorum: np.ndarray = LavaPyType(np.ndarray, np.int32)
    tally: np.ndarray = LavaPyType(np.ndarray, np.int32)
    open_gates: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def run_spk(self) -> None:
        """One step."""
        vote, gate, veto = self.vote_in.recv(), self.gate_in.recv(), self.veto_in.recv()
        passes = np.logical_and(gate >= 1, veto < 1)
        self.open_gates[0] += np.count_nonzero(passes)
        self.tally[passes] += vote[passes]
        reached = self.tally >= self.quorum
        self.tally[reached] -= self.quorum[reached]
        self.s_out.send(reached.astype(np.int32))


@implements(proc=RepeatProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRepeat(PyLoihiProcessModel):
    """Sends what came a step ago, and half of what came two steps ago."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    weights: np.ndarray = LavaPyType(np.ndarray, np.int32)
    last: np.ndarray = LavaPyType(np.ndarray, np.int32)
    before: np.ndarray = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step."""
        # Sent before anything is received, as Lava's Dense does it: a loop of Processes would wait for itself.
        self.a_out.send(self.last * self.weights + self.before * (self.weights // 2))
        self.before, self.last = self.last, self.s_in.recv().astype(np.int32)
