"""Sigma-delta neurons: stock `Delta`, `SigmaDelta` and `Sigma`."""

from typing import cast

from lava.magma.core.process.process import AbstractProcess
from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP
from lapilli.netx_exports.neurons.sigma_delta import Delta as DeltaNeuron
from lapilli.netx_exports.neurons.sigma_delta import SigmaDelta as SigmaDeltaNeuron

_ACTIVATIONS = {"relu": ActivationMode.RELU, "unit": ActivationMode.UNIT}
_INPUTS = {"input": "a_in"}


def _delta(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    neuron = cast(DeltaNeuron, layer.neuron)
    return Delta(shape=(layer.size,), vth=neuron.vth_mant, spike_exp=neuron.spike_exp, state_exp=STATE_EXP)


def _sigma_delta(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    neuron = cast(SigmaDeltaNeuron, layer.neuron)
    return SigmaDelta(
        shape=(layer.size,),
        vth=neuron.vth_mant,
        bias=neuron.per_neuron("bias_mant", layer.shape),
        act_mode=_ACTIVATIONS[neuron.activation],
        spike_exp=neuron.spike_exp,
        state_exp=STATE_EXP,
    )


def _sigma(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    return Sigma(shape=(layer.size,))


DELTA = LavaNeuron(Delta, _delta, {"activation": "act", "residue": "residue"}, _INPUTS)
SIGMA_DELTA = LavaNeuron(
    SigmaDelta, _sigma_delta, {"sigma": "sigma", "activation": "act", "residue": "residue"}, _INPUTS
)
SIGMA = LavaNeuron(Sigma, _sigma, {"sigma": "sigma"}, _INPUTS)
