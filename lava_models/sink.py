"""A sink Process that writes what it receives into a memory-mapped file."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_models.rows import RowWriter, create_rows


class SpikeSink(AbstractProcess):  # type: ignore[misc]
    """Stores the spikes of Lava's time step t as row t - 1 of a `.npy` file, int32.

    The stock sink is read through messages of one number each, 20 to 35 µs per number; this file is read at once.

    Arguments:
        sender: port that sends the spikes; connected here.
        n_steps: rows of the file.
        path: the file, made here.
    """

    def __init__(self, *, sender: OutPort, n_steps: int, path: str) -> None:
        super().__init__(path=path)
        create_rows(path, n_steps, sender.shape)
        self.spikes = InPort(shape=sender.shape)
        sender.connect(self.spikes)


@implements(proc=SpikeSink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PySpikeSink(PyLoihiProcessModel):  # type: ignore[misc]
    """Writes one row in each step."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._writer = RowWriter(proc_params["path"])

    def run_spk(self) -> None:
        """Receive and store one step."""
        self._writer.write(self.time_step - 1, self.spikes.recv())
