"""Convolutions "on a neurocore"."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv


@implements(proc=Conv, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcL2ModelConv(PyConvModelFixed, AbstractNcProcessModel):
    pass
