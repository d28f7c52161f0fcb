"""Adapters between host and chip: here, lines that hand spikes on some steps late."""

import os
import time
from collections import deque

import fake_loihi_recorder  # noqa: F401
import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class PyToNxAdapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape, num_message_bits=num_message_bits)
        self.inp = InPort(shape=shape)
        self.out = OutPort(shape=shape)


class NxToPyAdapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape, num_message_bits=num_message_bits)
        self.inp = InPort(shape=shape)
        self.out = OutPort(shape=shape)


class LateLine(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    variable = ""

    def __init__(self, proc_params):
        super().__init__(proc_params)
        silence = np.zeros(proc_params["shape"], np.int32)
        self._line = deque([silence] * int(os.environ.get(self.variable, "0")))

    def run_spk(self):
        fault = os.environ.get("FAKE_LOIHI_FAULT")
        if fault == "step" and self.time_step == 3:
            raise ValueError("broken adapter")
        if fault == "hang" and self.time_step == 3:
            time.sleep(3600)
        received = self.inp.recv().astype(np.int32)
        # Without a width a spike is a spike, whatever the host sends.
        self._line.append(received if self.proc_params["num_message_bits"] else (received != 0).astype(np.int32))
        self.out.send(self._line.popleft())


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(CPU)
class PyToNxAdapterModel(LateLine):
    variable = "FAKE_LOIHI_INTO"


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
class NxToPyAdapterModel(LateLine):
    variable = "FAKE_LOIHI_OUT"
