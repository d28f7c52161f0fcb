"""A probe Process that writes a neuron's spikes, current and voltage of each step into files."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_models.rows import RowWriter, create_rows


class NeuronProbe(AbstractProcess):  # type: ignore[misc]
    """Stores the spikes of Lava's time step t, and the Vars `u` and `v` as they are at its end, as rows t - 1.

    The Vars are read in Lava's management phase, as its Monitor does it, but kept in files and not in Vars. One Process
    for all three: each Process is an operating system's process, which costs more than what it does here.

    Arguments:
        neuron: Process with an OutPort `s_out` and Vars `u` and `v`; connected here.
        n_steps: rows of each file.
        paths: `.npy` files of spikes, current and voltage, int32, made here.
    """

    def __init__(self, *, neuron: AbstractProcess, n_steps: int, paths: tuple[str, str, str]) -> None:
        super().__init__(paths=paths)
        for path, member in zip(paths, (neuron.s_out, neuron.u, neuron.v)):
            create_rows(path, n_steps, member.shape)
        self.spikes = InPort(shape=neuron.s_out.shape)
        self.current = RefPort(shape=neuron.u.shape)
        self.voltage = RefPort(shape=neuron.v.shape)
        neuron.s_out.connect(self.spikes)
        self.current.connect_var(neuron.u)
        self.voltage.connect_var(neuron.v)


@implements(proc=NeuronProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyNeuronProbe(PyLoihiProcessModel):  # type: ignore[misc]
    """Receives the spikes of each step, then asks the neuron for both states."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    current: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    voltage: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._writers = [RowWriter(path) for path in proc_params["paths"]]

    def run_spk(self) -> None:
        """Receive and store the spikes."""
        self._writers[0].write(self.time_step - 1, self.spikes.recv())

    def post_guard(self) -> bool:
        """Ask for a management phase after each step."""
        return True

    def run_post_mgmt(self) -> None:
        """Read and store both states."""
        self._writers[1].write(self.time_step - 1, self.current.read())
        self._writers[2].write(self.time_step - 1, self.voltage.read())
