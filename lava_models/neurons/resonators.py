"""Resonate-and-fire neurons: stock `RF` and `RF_IZ`."""

from collections.abc import Callable
from typing import cast

from lava.magma.core.process.process import AbstractProcess
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.resonators import Resonator
from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP

_STATES = {"real": "real", "imag": "imag"}
_INPUTS = {"real": "a_real_in", "imag": "a_imag_in"}


def _builder(kind: type[AbstractProcess]) -> Callable[[Layer, LayerReset | None], AbstractProcess]:
    def build(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
        neuron = cast(Resonator, layer.neuron)
        process = kind(shape=(layer.size,), period=4, alpha=0, vth=neuron.vth_mant, state_exp=STATE_EXP, decay_bits=12)
        # The constructor takes a period and a decay and rounds; the network holds what comes of it.
        process.sin_decay.init = neuron.sin_decay
        process.cos_decay.init = neuron.cos_decay
        return process

    return build


RESONATE_AND_FIRE = LavaNeuron(RF, _builder(RF), _STATES, _INPUTS)
IZHIKEVICH_RESONATE_AND_FIRE = LavaNeuron(RF_IZ, _builder(RF_IZ), _STATES, _INPUTS)
