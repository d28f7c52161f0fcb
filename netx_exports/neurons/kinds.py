"""Neuron models: integer parameters of Lava's fixed-point CPU models. One dataclass per model, one file per family."""

from lapilli.netx_exports.neurons.adaptive_lif import AdaptiveLif
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES, CubaLif
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, LARGEST_THRESHOLD, STATE_LIMIT, out_of_reach, spread
from lapilli.netx_exports.neurons.resonators import IzhikevichResonateAndFire, ResonateAndFire, Resonator
from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP, Delta, Sigma, SigmaDelta

__all__ = [
    "DECAY_UNITY",
    "LARGEST_THRESHOLD",
    "NEURONS",
    "NEVER_SPIKES",
    "STATE_EXP",
    "STATE_LIMIT",
    "AdaptiveLif",
    "CubaLif",
    "Delta",
    "IzhikevichResonateAndFire",
    "Neuron",
    "ResonateAndFire",
    "Resonator",
    "Sigma",
    "SigmaDelta",
    "out_of_reach",
    "spread",
]

Neuron = CubaLif | AdaptiveLif | ResonateAndFire | IzhikevichResonateAndFire | Delta | SigmaDelta | Sigma
"""Any neuron model; a new one joins here and in `NEURONS`."""

NEURONS: dict[str, type[Neuron]] = {
    kind.model: kind
    for kind in (CubaLif, AdaptiveLif, ResonateAndFire, IzhikevichResonateAndFire, Delta, SigmaDelta, Sigma)
}
"""Neuron models by name."""
