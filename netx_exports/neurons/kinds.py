"""All neuron kinds: integer parameters of Lava's fixed-point CPU models, and what each kind answers for itself."""

from functools import cache

from lapilli.netx_exports.neurons.adaptive_lif import AdaptiveLif
from lapilli.netx_exports.neurons.attention import SpikeAttention
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES, CubaLif
from lapilli.netx_exports.neurons.gated_lif import GatedLif
from lapilli.netx_exports.neurons.neuron import (
    DECAY_UNITY,
    LARGEST_THRESHOLD,
    STATE_LIMIT,
    Neuron,
    out_of_reach,
    spread,
)
from lapilli.netx_exports.neurons.requantiser import Requantiser
from lapilli.netx_exports.neurons.resonators import IzhikevichResonateAndFire, ResonateAndFire, Resonator
from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP, Delta, Sigma, SigmaDelta
from lapilli.netx_exports.neurons.spiking_lstm import SpikingLstm
from lapilli.netx_exports.neurons.sum import Sum
from lapilli.netx_exports.neurons.window_lif import WindowLif

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
    "GatedLif",
    "IzhikevichResonateAndFire",
    "Neuron",
    "Requantiser",
    "ResonateAndFire",
    "Resonator",
    "Sigma",
    "SigmaDelta",
    "SpikeAttention",
    "SpikingLstm",
    "Sum",
    "WindowLif",
    "known_states",
    "out_of_reach",
    "spread",
]

NEURONS: dict[str, type[Neuron]] = {
    kind.model: kind
    for kind in (
        CubaLif,
        AdaptiveLif,
        ResonateAndFire,
        IzhikevichResonateAndFire,
        SigmaDelta,
        Delta,
        Sigma,
        GatedLif,
        SpikeAttention,
        Sum,
        SpikingLstm,
        WindowLif,
        Requantiser,
    )
}
"""Neuron kinds by model; a new one joins here, or from outside by `lapilli.netx_exports.extensions`."""


def known_states() -> tuple[str, ...]:
    """Names of the states of all neuron kinds, each once."""
    return _states_of(tuple(NEURONS.values()))


@cache
def _states_of(kinds: tuple[type[Neuron], ...]) -> tuple[str, ...]:
    # Each state that is read of a recording asks for them, and attention alone has 64 rows of a memory.
    return tuple(dict.fromkeys(state for kind in kinds for state in kind.states))
