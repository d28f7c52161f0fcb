"""All neuron kinds of this backend."""

from collections.abc import Callable

from lapilli.netx_exports.neurons.kinds import (
    AdaptiveLif,
    CubaLif,
    Delta,
    GatedLif,
    IzhikevichResonateAndFire,
    Requantiser,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
    SpikeAttention,
    SpikingLstm,
    Sum,
    WindowLif,
)
from lapilli.simulators.reference.neurons.adaptive_lif import AdaptiveLifs
from lapilli.simulators.reference.neurons.attention import SpikeAttentions
from lapilli.simulators.reference.neurons.cuba_lif import CubaLifs
from lapilli.simulators.reference.neurons.gated_lif import GatedLifs
from lapilli.simulators.reference.neurons.population import Population
from lapilli.simulators.reference.neurons.requantiser import Requantisers
from lapilli.simulators.reference.neurons.resonators import IzhikevichResonators, PhaseResonators
from lapilli.simulators.reference.neurons.sigma_delta import Deltas, SigmaDeltas, Sigmas
from lapilli.simulators.reference.neurons.spiking_lstm import SpikingLstms
from lapilli.simulators.reference.neurons.sum import Sums
from lapilli.simulators.reference.neurons.window_lif import WindowLifs

POPULATIONS: dict[str, Callable[..., Population]] = {
    CubaLif.model: CubaLifs,
    AdaptiveLif.model: AdaptiveLifs,
    ResonateAndFire.model: PhaseResonators,
    IzhikevichResonateAndFire.model: IzhikevichResonators,
    Delta.model: Deltas,
    SigmaDelta.model: SigmaDeltas,
    Sigma.model: Sigmas,
    GatedLif.model: GatedLifs,
    SpikeAttention.model: SpikeAttentions,
    Sum.model: Sums,
    SpikingLstm.model: SpikingLstms,
    WindowLif.model: WindowLifs,
    Requantiser.model: Requantisers,
}
"""`(neuron, shape, n_samples)` -> the neurons of a layer, at rest; by model."""
