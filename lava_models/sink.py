"""A sink Process that hands what it receives to writers of files."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class SpikeWriter(Protocol):
    """Stores something of each step's spikes: `RowWriter` (`rows.py`) all, `CountWriter` (`counting.py`) counts."""

    def write(self, number: int, spikes: npt.NDArray[np.int32]) -> None:
        """Store row `number`."""


class SpikeSink(AbstractProcess):  # type: ignore[misc]
    """Hands the spikes of Lava's time step t to writers, as row t - 1.

    The stock sink is read through messages of one number each, 20 to 35 µs per number; a file is read at once.

    Arguments:
        sender: port that sends the spikes; connected here.
        writers: of files; they travel to the child by fork.
    """

    def __init__(self, *, sender: OutPort, writers: Sequence[SpikeWriter]) -> None:
        super().__init__(writers=tuple(writers))
        self.spikes = InPort(shape=sender.shape)
        sender.connect(self.spikes)


@implements(proc=SpikeSink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PySpikeSink(PyLoihiProcessModel):  # type: ignore[misc]
    """Writes in each step."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._writers: Sequence[SpikeWriter] = proc_params["writers"]

    def run_spk(self) -> None:
        """Receive one step."""
        spikes = self.spikes.recv()
        for writer in self._writers:
            writer.write(self.time_step - 1, spikes)
