"""Adaptive leaky integrate-and-fire neurons: stock `ATRLIF`."""

from typing import cast

from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.process import ATRLIF

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.adaptive_lif import AdaptiveLif
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY


def _build(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    neuron = cast(AdaptiveLif, layer.neuron)
    return ATRLIF(
        shape=(layer.size,),
        # Its model multiplies decays by 4096, and adds 1 to that of the current only.
        delta_i=(neuron.current_decay - 1) / DECAY_UNITY,
        delta_v=neuron.voltage_decay / DECAY_UNITY,
        delta_theta=neuron.threshold_decay / DECAY_UNITY,
        delta_r=neuron.refractory_decay / DECAY_UNITY,
        theta=neuron.vth_mant,
        theta_0=neuron.vth_mant,
        theta_step=neuron.threshold_step,
        bias_mant=neuron.per_neuron("bias_mant", layer.shape),
        bias_exp=neuron.bias_exp,
    )


ADAPTIVE_LIF = LavaNeuron(
    ATRLIF, _build, {"current": "i", "voltage": "v", "threshold": "theta", "refractory": "r"}, {"input": "a_in"}
)
