"""LIF neurons "on a neurocore": one threshold and one pair of decays, in as many bits as Lava says the chip has."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc
from lava.proc.lif.process import LIF, LIFReset


def check_registers(model):
    for name, bits in (("vth", 17), ("du", 12), ("dv", 12)):
        value = np.asarray(getattr(model, name))
        if value.size != 1 or not 0 <= value.item() < 1 << bits:
            raise ValueError(f"register {name} of {bits} bits cannot hold {value}")
    if not -(1 << 12) <= model.bias_mant.min() <= model.bias_mant.max() < 1 << 12:
        raise ValueError(f"register bias_mant of 13 bits cannot hold {model.bias_mant}")


@implements(proc=LIF, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcL2ModelLif(PyLifModelBitAcc, AbstractNcProcessModel):
    def scale_threshold(self):
        check_registers(self)
        super().scale_threshold()


@implements(proc=LIFReset, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcL2ModelLifReset(PyLifResetModelBitAcc, AbstractNcProcessModel):
    def scale_threshold(self):
        check_registers(self)
        interval = self.proc_params["reset_interval"]
        if interval & (interval - 1):
            raise ValueError(f"reset interval must be a power of 2, got {interval}")
        super().scale_threshold()
