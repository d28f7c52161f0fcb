"""Sparse synapses "on a neurocore"; without a model of DelaySparse, to see what happens."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.sparse.models import PySparseModelBitAcc
from lava.proc.sparse.process import Sparse


@implements(proc=Sparse, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcModelSparse(PySparseModelBitAcc, AbstractNcProcessModel):
    pass
