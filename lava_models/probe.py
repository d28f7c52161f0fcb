"""A probe Process that writes a neuron's states of each step into files, and hands its spikes to writers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lapilli.lava_models.neurons.kinds import states_of
from lapilli.lava_models.rows import RowWriter
from lapilli.lava_models.sink import SpikeWriter


class NeuronProbe(AbstractProcess):  # type: ignore[misc]
    """Hands the spikes of Lava's time step t to writers as row t - 1, and the neurons' states as they are at its end.

    The Vars are read in Lava's management phase, as its Monitor does it, but kept in files and not in Vars. One Process
    for all of them: each Process is an operating system's process, which costs more than what it does here.

    Arguments:
        neuron: neuron Process, with an OutPort `s_out`; connected here.
        n_steps: rows of each file of states.
        spikes: writers of what is sent; they travel to the child by fork.
        state_paths: `.npy` file of each state, int32, made here.
    """

    def __init__(
        self, *, neuron: AbstractProcess, n_steps: int, spikes: Sequence[SpikeWriter], state_paths: Mapping[str, str]
    ) -> None:
        variables = _variables(neuron)
        states: list[list[tuple[int | None, RowWriter]]] = [[] for _ in variables]
        for name, (variable, row) in states_of(neuron).items():
            writer = RowWriter(state_paths[name], n_steps, variable.shape if row is None else variable.shape[1:])
            states[variables.index(variable)].append((row, writer))
        super().__init__(spikes=tuple(spikes), states=tuple(states))
        self.spikes = InPort(shape=neuron.s_out.shape)
        neuron.s_out.connect(self.spikes)
        for number, variable in enumerate(variables):
            port = RefPort(shape=variable.shape)
            setattr(self, f"state{number}", port)
            port.connect_var(variable)


class OneStateProbe(NeuronProbe):
    """Of neurons with one Var of states."""


class TwoStateProbe(NeuronProbe):
    """Of neurons with two Vars of states."""


class ThreeStateProbe(NeuronProbe):
    """Of neurons with three Vars of states."""


class FourStateProbe(NeuronProbe):
    """Of neurons with four Vars of states."""


_PROBES = (OneStateProbe, TwoStateProbe, ThreeStateProbe, FourStateProbe)


def probe(
    neuron: AbstractProcess, n_steps: int, spikes: Sequence[SpikeWriter], state_paths: Mapping[str, str]
) -> NeuronProbe:
    """The probe for a neuron Process; arguments as of `NeuronProbe`."""
    kind = _PROBES[len(_variables(neuron)) - 1]
    return kind(neuron=neuron, n_steps=n_steps, spikes=spikes, state_paths=state_paths)


def _variables(neuron: AbstractProcess) -> list[Var]:
    """Vars that hold states, each once: a Var whose rows are states is read as one message."""
    return list(dict.fromkeys(variable for variable, _ in states_of(neuron).values()))


class _ProbeModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Receives the spikes of each step, then asks the neuron for its states."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._spikes: Sequence[SpikeWriter] = proc_params["spikes"]
        self._states: Sequence[Sequence[tuple[int | None, RowWriter]]] = proc_params["states"]

    def run_spk(self) -> None:
        """Receive the spikes."""
        spikes = self.spikes.recv()
        for writer in self._spikes:
            writer.write(self.time_step - 1, spikes)

    def post_guard(self) -> bool:
        """Ask for a management phase after each step."""
        return True

    def run_post_mgmt(self) -> None:
        """Read and store the states."""
        for number, writers in enumerate(self._states):
            values = getattr(self, f"state{number}").read()
            for row, writer in writers:
                writer.write(self.time_step - 1, values if row is None else values[row])


# Lava wants every port of a ProcessModel connected, hence one model for each number of Vars.
@implements(proc=OneStateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyOneStateProbe(_ProbeModel):
    """Of one state."""

    state0: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)


@implements(proc=TwoStateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyTwoStateProbe(_ProbeModel):
    """Of two states."""

    state0: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state1: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)


@implements(proc=ThreeStateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyThreeStateProbe(_ProbeModel):
    """Of three states."""

    state0: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state1: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state2: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)


@implements(proc=FourStateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyFourStateProbe(_ProbeModel):
    """Of four states."""

    state0: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state1: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state2: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    state3: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
