"""A probe Process that writes a neuron's current and voltage, as they are at the end of each step, into files."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_models.rows import RowWriter, create_rows


class StateProbe(AbstractProcess):
    """Reads two Vars after each step, in Lava's management phase, and stores them as rows of two `.npy` files, int32.

    Arguments:
        current: the neuron's `u`.
        voltage: the neuron's `v`.
        n_steps: rows of each file.
        current_path, voltage_path: the files, made here.
    """

    def __init__(self, *, current: Var, voltage: Var, n_steps: int, current_path: str, voltage_path: str) -> None:
        super().__init__(current_path=current_path, voltage_path=voltage_path)
        create_rows(current_path, n_steps, current.shape)
        create_rows(voltage_path, n_steps, voltage.shape)
        self.current = RefPort(shape=current.shape)
        self.voltage = RefPort(shape=voltage.shape)


@implements(proc=StateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyStateProbe(PyLoihiProcessModel):  # type: ignore[misc]
    """Asks the neuron for both states after each step."""

    current: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    voltage: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict[str, str]) -> None:
        super().__init__(proc_params)
        self._current = RowWriter(proc_params["current_path"])
        self._voltage = RowWriter(proc_params["voltage_path"])

    def post_guard(self) -> bool:
        """Ask for a management phase after each step."""
        return True

    def run_post_mgmt(self) -> None:
        """Read and store both states."""
        self._current.write(self.time_step - 1, self.current.read())
        self._voltage.write(self.time_step - 1, self.voltage.read())
