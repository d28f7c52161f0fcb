"""Neuron models: integer parameters of Lava's fixed-point CPU models. One dataclass per model, one file per family."""

from netx_exports.adaptive_lif import AdaptiveLif
from netx_exports.cuba_lif import NEVER_SPIKES, CubaLif
from netx_exports.neuron_model import DECAY_UNITY, LARGEST_THRESHOLD, STATE_LIMIT, out_of_reach, spread
from netx_exports.resonators import IzhikevichResonateAndFire, ResonateAndFire, Resonator
from netx_exports.sigma_delta import STATE_EXP, Delta, Sigma, SigmaDelta

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
