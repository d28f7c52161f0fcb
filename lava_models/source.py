"""A source Process that sends sparse events, one step at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lapilli.lava_models.sink import SpikeWriter

Int32 = npt.NDArray[np.int32]


class EventSource(AbstractProcess):  # type: ignore[misc]
    """Sends the events of step t (from 0) in Lava's time step t + 1; silence after the last one.

    Events travel to the child as parameters, shared by fork: there is no dense array of all steps as in a RingBuffer.

    Arguments:
        n_neurons: length of what is sent in each step.
        step: int32, rising, one entry for each event.
        neuron: int32, where each event is sent.
        value: int32, what is sent there.
        writers: of files, which get what Lava's time step t sends as row t - 1. A sink beside it would do the same and
            be one more of the operating system's processes.
    """

    def __init__(
        self, *, n_neurons: int, step: Int32, neuron: Int32, value: Int32, writers: Sequence[SpikeWriter] = ()
    ) -> None:
        super().__init__(n_neurons=n_neurons, step=step, neuron=neuron, value=value, writers=tuple(writers))
        self.s_out = OutPort(shape=(n_neurons,))


@implements(proc=EventSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyEventSource(PyLoihiProcessModel):  # type: ignore[misc]
    """Sends the slice of events that belongs to each step."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._writers: Sequence[SpikeWriter] = proc_params["writers"]

    def run_spk(self) -> None:
        """Send one step."""
        first, last = np.searchsorted(self.proc_params["step"], [self.time_step - 1, self.time_step])
        values = np.zeros(self.proc_params["n_neurons"], np.int32)
        values[self.proc_params["neuron"][first:last]] = self.proc_params["value"][first:last]
        self.s_out.send(values)
        for writer in self._writers:
            writer.write(self.time_step - 1, values)
