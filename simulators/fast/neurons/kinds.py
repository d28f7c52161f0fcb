"""The neuron models that the kernels run, and the step of any of them."""

from collections.abc import Mapping
from types import MappingProxyType

from lapilli.simulators.fast.neurons.adaptive_lif import ADAPTIVE_LIF
from lapilli.simulators.fast.neurons.attention import ATTENTION
from lapilli.simulators.fast.neurons.cuba_lif import CUBA_LIF
from lapilli.simulators.fast.neurons.gated_lif import GATED_LIF
from lapilli.simulators.fast.neurons.kind import NeuronKind
from lapilli.simulators.fast.neurons.requantiser import REQUANTISER
from lapilli.simulators.fast.neurons.resonators import BY_PHASE, IZHIKEVICH
from lapilli.simulators.fast.neurons.sigma_delta import DECODER, ENCODER, NEURON
from lapilli.simulators.fast.neurons.spiking_lstm import SPIKING_LSTM
from lapilli.simulators.fast.neurons.sum import SUM
from lapilli.simulators.fast.neurons.window_lif import WINDOW_LIF

FAST_NEURONS: Mapping[str, NeuronKind] = MappingProxyType(
    {
        "CUBA": CUBA_LIF,
        "ALIF": ADAPTIVE_LIF,
        "RF_PHASE": BY_PHASE,
        "RF_IZHIKEVICH": IZHIKEVICH,
        "DELTA": ENCODER,
        "SDNN": NEURON,
        "SIGMA": DECODER,
        "GATED": GATED_LIF,
        "ATTENTION": ATTENTION,
        "SUM": SUM,
        "LSTM": SPIKING_LSTM,
        "WINDOW": WINDOW_LIF,
        "REQUANTISER": REQUANTISER,
    }
)
"""How each neuron model runs, by `model`; a new one joins here. `LayerRecord.model` is its place."""
