"""A sink Process that writes what it receives into a memory-mapped file."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_models.rows import RowWriter, create_rows


class RowSink(AbstractProcess):
    """Stores what arrives in Lava's time step t as row t - 1 of a `.npy` file, int32.

    The stock sink is read through messages of one number each, 20 to 35 µs per number; this file is read at once.

    Arguments:
        shape: shape of what arrives in each step.
        n_steps: rows of the file.
        path: the file, made here.
    """

    def __init__(self, *, shape: tuple[int, ...], n_steps: int, path: str) -> None:
        super().__init__(path=path)
        create_rows(path, n_steps, shape)
        self.a_in = InPort(shape=shape)


@implements(proc=RowSink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyRowSink(PyLoihiProcessModel):  # type: ignore[misc]
    """Writes one row in each step."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict[str, str]) -> None:
        super().__init__(proc_params)
        self._writer = RowWriter(proc_params["path"])

    def run_spk(self) -> None:
        """Receive and store one step."""
        self._writer.write(self.time_step - 1, self.a_in.recv())
