"""Current-based leaky integrate-and-fire neurons: stock `LIF`, and `LIFReset` where they start afresh periodically."""

from typing import Any, cast

from lava.magma.core.process.process import AbstractProcess
from lava.proc.lif.process import LIF, LIFReset

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.cuba_lif import CubaLif


def _build(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    if reset is None:
        return LIF(**_lif_parameters(layer))
    return LIFReset(**_lif_parameters(layer), reset_interval=reset.interval, reset_offset=reset.offset)


def _lif_parameters(layer: Layer) -> dict[str, Any]:
    neuron, shape = cast(CubaLif, layer.neuron), layer.shape
    return {
        "shape": (layer.size,),
        "vth": neuron.per_neuron("vth_mant", shape),
        # Lava's model adds 1 to `du`.
        "du": neuron.per_neuron("current_decay", shape) - 1,
        "dv": neuron.per_neuron("voltage_decay", shape),
        "bias_mant": neuron.per_neuron("bias_mant", shape),
        "bias_exp": neuron.bias_exp,
    }


CUBA_LIF = LavaNeuron(LIF, _build, {"current": "u", "voltage": "v"}, {"input": "a_in"})
