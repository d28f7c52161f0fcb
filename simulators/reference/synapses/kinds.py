"""All synapse kinds of this backend."""

from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, DirectSynapse, IdentitySynapse
from lapilli.simulators.reference.synapses.conv import ConvPathway
from lapilli.simulators.reference.synapses.dense import DensePathway
from lapilli.simulators.reference.synapses.direct import DirectPathway
from lapilli.simulators.reference.synapses.identity import IdentityPathway
from lapilli.simulators.reference.synapses.pathway import Pathway

PATHWAYS: dict[str, type[Pathway]] = {
    DenseSynapse.kind: DensePathway,
    ConvSynapse.kind: ConvPathway,
    IdentitySynapse.kind: IdentityPathway,
    DirectSynapse.kind: DirectPathway,
}
"""A synapse at work, by kind."""
