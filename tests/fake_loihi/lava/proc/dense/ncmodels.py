"""Dense synapses "on a neurocore"."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.models import PyDelayDenseModelBitAcc, PyDenseModelBitAcc
from lava.proc.dense.process import DelayDense, Dense


@implements(proc=Dense, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcModelDense(PyDenseModelBitAcc, AbstractNcProcessModel):
    pass


@implements(proc=DelayDense, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcModelDelayDense(PyDelayDenseModelBitAcc, AbstractNcProcessModel):
    pass
