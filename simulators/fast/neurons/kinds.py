"""The neuron models that the kernels run, and the step of any of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lapilli.simulators.compiled import inlined
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


@inlined
def _no_step(program, state, layer, shift):
    """Nothing: no layer is of a model that stands behind the last."""


def _one_of(steps: list[Any], number: int = 0) -> Any:
    """A compiled step that is the one of the layer's model, tried from the first on."""
    if number == len(steps):
        return _no_step
    step, others = steps[number], _one_of(steps, number + 1)

    @inlined
    def step_of_model(program, state, layer, shift):
        if program.layers[layer].model == number:
            step(program, state, layer, shift)
        else:
            others(program, state, layer, shift)

    return step_of_model


step_neurons = _one_of([kind.step for kind in FAST_NEURONS.values()])
"""One step of a layer's neurons, of whatever model: `(program, state, layer, shift)` as `NeuronKind.step`."""
