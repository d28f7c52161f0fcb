"""A source of learning signals that are known before the run, for rules whose third factor comes from elsewhere."""

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


class SignalSource(AbstractProcess):  # type: ignore[misc]
    """Sends row t - 1 in Lava's time step t.

    Arguments:
        rows: (steps, neurons); they travel to the child by fork.
    """

    def __init__(self, *, rows: npt.NDArray[Any]) -> None:
        super().__init__(rows=rows)
        self.signal_out = OutPort(shape=(rows.shape[1],))


@implements(proc=SignalSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySignalSourceFixed(PyLoihiProcessModel):  # type: ignore[misc]
    """Integers."""

    signal_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Send one row."""
        self.signal_out.send(self.proc_params["rows"][self.time_step - 1])


@implements(proc=SignalSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySignalSourceFloat(PyLoihiProcessModel):  # type: ignore[misc]
    """Floating point."""

    signal_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def run_spk(self) -> None:
        """Send one row."""
        self.signal_out.send(self.proc_params["rows"][self.time_step - 1])
