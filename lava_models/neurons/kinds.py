"""All neuron kinds in Lava."""

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from lapilli.lava_models.neurons.adaptive_lif import ADAPTIVE_LIF
from lapilli.lava_models.neurons.attention import SPIKE_ATTENTION
from lapilli.lava_models.neurons.cuba_lif import CUBA_LIF
from lapilli.lava_models.neurons.gated_lif import GATED_LIF
from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset, Row
from lapilli.lava_models.neurons.requantiser import REQUANTISER
from lapilli.lava_models.neurons.resonators import IZHIKEVICH_RESONATE_AND_FIRE, RESONATE_AND_FIRE
from lapilli.lava_models.neurons.sigma_delta import DELTA, SIGMA, SIGMA_DELTA
from lapilli.lava_models.neurons.spiking_lstm import SPIKING_LSTM
from lapilli.lava_models.neurons.sum import SUM
from lapilli.lava_models.neurons.window_lif import WINDOW_LIF
from lapilli.netx_exports.network import Layer
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

__all__ = ["LAVA_NEURONS", "LayerReset", "handed_port", "input_port", "neuron_process", "states_of"]

LAVA_NEURONS: dict[str, LavaNeuron] = {
    CubaLif.model: CUBA_LIF,
    AdaptiveLif.model: ADAPTIVE_LIF,
    ResonateAndFire.model: RESONATE_AND_FIRE,
    IzhikevichResonateAndFire.model: IZHIKEVICH_RESONATE_AND_FIRE,
    Delta.model: DELTA,
    SigmaDelta.model: SIGMA_DELTA,
    Sigma.model: SIGMA,
    GatedLif.model: GATED_LIF,
    SpikeAttention.model: SPIKE_ATTENTION,
    Sum.model: SUM,
    SpikingLstm.model: SPIKING_LSTM,
    WindowLif.model: WINDOW_LIF,
    Requantiser.model: REQUANTISER,
}
"""How each kind runs in Lava, by model."""


def neuron_process(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    """The Process, flat in C order, that computes a layer's neurons.

    Arguments:
        layer: of a network without `lava_refusals`.
        reset: periodic reset, for kinds with `lava_resets` only.
    """
    return LAVA_NEURONS[layer.neuron.model].build(layer, reset)


def input_port(process: AbstractProcess, layer: Layer, port: str) -> InPort:
    """Where a layer's Process takes the sums of synapses that feed a port of its neurons."""
    return getattr(process, LAVA_NEURONS[layer.neuron.model].inputs[port])


def handed_port(process: AbstractProcess, carried: str) -> OutPort:
    """Where a layer's Process hands over what a synapse carries."""
    return getattr(process, _described(process).handed[carried])


def states_of(process: AbstractProcess) -> dict[str, tuple[Var, int | None]]:
    """Where a neuron Process holds what a recording calls by name: a Var, and the row of it, None for all of it."""
    found: dict[str, tuple[Var, int | None]] = {}
    for state, place in _described(process).states.items():
        name, row = place if isinstance(place, Row) else (place, None)
        var = getattr(process, name)
        if row is None or row < var.shape[0]:
            found[state] = (var, row)
    return found


def _described(process: AbstractProcess) -> LavaNeuron:
    return next(neuron for neuron in LAVA_NEURONS.values() if isinstance(process, neuron.process))
