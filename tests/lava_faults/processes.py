"""Lava Processes that fail. In a folder of their own, because Lava's compiler executes every file beside a Process."""

import os
import signal

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Faulty(AbstractProcess):
    """Does what its fault says.

    "step" and "constructor" raise, "killed" kills itself, "gone" ends, "deadlock" waits for itself.
    """

    def __init__(self, *, fault: str) -> None:
        super().__init__(fault=fault)
        self.a_in = InPort(shape=(1,))
        self.a_out = OutPort(shape=(1,))
        self.a_out.connect(self.a_in)


@implements(proc=Faulty, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFaulty(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        if proc_params["fault"] == "constructor":
            raise ValueError("broken while it was built")

    def run_spk(self):
        fault = self.proc_params["fault"]
        if fault == "step" and self.time_step == 3:
            raise ValueError(f"broken in step {self.time_step}")
        if fault == "killed" and self.time_step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "gone" and self.time_step == 3:
            os._exit(0)
        if fault == "deadlock":
            self.a_in.recv()
        self.a_out.send(np.zeros(1, np.int32))
        self.a_in.recv()


class Relay(AbstractProcess):
    """Sends on what it receives; a faulty one raises in the third step, while another waits for it."""

    def __init__(self, *, faulty: bool) -> None:
        super().__init__(faulty=faulty)
        self.a_in = InPort(shape=(1,))
        self.a_out = OutPort(shape=(1,))


@implements(proc=Relay, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRelay(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        received = self.a_in.recv()
        if self.proc_params["faulty"] and self.time_step == 3:
            raise ValueError(f"broken in step {self.time_step}")
        self.a_out.send(received)
