"""The neurons of a layer as a stock Lava Process, and where a Process has its inputs and states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.atrlif.process import ATRLIF
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import (
    DECAY_UNITY,
    STATE_EXP,
    AdaptiveLif,
    CubaLif,
    IzhikevichResonateAndFire,
    ResonateAndFire,
    Resonator,
)
from lapilli.netx_exports.neurons.kinds import Delta as DeltaNeuron
from lapilli.netx_exports.neurons.kinds import Sigma as SigmaNeuron
from lapilli.netx_exports.neurons.kinds import SigmaDelta as SigmaDeltaNeuron

_ACTIVATIONS = {"relu": ActivationMode.RELU, "unit": ActivationMode.UNIT}

_STATES: Mapping[type[AbstractProcess], Mapping[str, str]] = {
    LIF: {"current": "u", "voltage": "v"},
    ATRLIF: {"current": "i", "voltage": "v", "threshold": "theta", "refractory": "r"},
    RF: {"real": "real", "imag": "imag"},
    Delta: {"activation": "act", "residue": "residue"},
    Sigma: {"sigma": "sigma"},
    SigmaDelta: {"sigma": "sigma", "activation": "act", "residue": "residue"},
}


@dataclass(frozen=True)
class LayerReset:
    """A neuron population starts afresh in each Lava time step t (from 1) with `t % interval == offset`."""

    interval: int
    offset: int


def neuron_process(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    """The Process, flat in C order, that computes a layer's neurons.

    Arguments:
        layer: of a network without `lava_refusals`.
        reset: periodic reset, for `CubaLif` only.
    """
    if reset is not None:
        return LIFReset(**_lif_parameters(layer), reset_interval=reset.interval, reset_offset=reset.offset)
    return _BUILDERS[layer.neuron.model](layer)


def input_port(process: AbstractProcess, part: str) -> InPort:
    """Where a neuron Process takes the sums of synapses that feed a part of its neurons."""
    return getattr(process, f"a_{part}_in") if isinstance(process, RF | RF_IZ) else process.a_in


def state_vars(process: AbstractProcess) -> dict[str, Var]:
    """Vars of a neuron Process that hold what a recording calls by name."""
    names = next(states for kind, states in _STATES.items() if isinstance(process, kind))
    return {state: getattr(process, var) for state, var in names.items()}


def _lif_parameters(layer: Layer) -> dict[str, Any]:
    neuron, shape = layer.neuron, layer.shape
    assert isinstance(neuron, CubaLif)
    return {
        "shape": (layer.size,),
        "vth": neuron.per_neuron("vth_mant", shape),
        # Lava's model adds 1 to `du`.
        "du": neuron.per_neuron("current_decay", shape) - 1,
        "dv": neuron.per_neuron("voltage_decay", shape),
        "bias_mant": neuron.per_neuron("bias_mant", shape),
        "bias_exp": neuron.bias_exp,
    }


def _atrlif(layer: Layer) -> AbstractProcess:
    neuron = layer.neuron
    assert isinstance(neuron, AdaptiveLif)
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


def _resonators(kind: type[AbstractProcess]) -> Callable[[Layer], AbstractProcess]:
    def build(layer: Layer) -> AbstractProcess:
        neuron = layer.neuron
        assert isinstance(neuron, Resonator)
        process = kind(shape=(layer.size,), period=4, alpha=0, vth=neuron.vth_mant, state_exp=STATE_EXP, decay_bits=12)
        # The constructor takes a period and a decay and rounds; the network holds what comes of it.
        process.sin_decay.init = neuron.sin_decay
        process.cos_decay.init = neuron.cos_decay
        return process

    return build


def _delta(layer: Layer) -> AbstractProcess:
    neuron = layer.neuron
    assert isinstance(neuron, DeltaNeuron)
    return Delta(shape=(layer.size,), vth=neuron.vth_mant, spike_exp=neuron.spike_exp, state_exp=STATE_EXP)


def _sigma_delta(layer: Layer) -> AbstractProcess:
    neuron = layer.neuron
    assert isinstance(neuron, SigmaDeltaNeuron)
    return SigmaDelta(
        shape=(layer.size,),
        vth=neuron.vth_mant,
        bias=neuron.per_neuron("bias_mant", layer.shape),
        act_mode=_ACTIVATIONS[neuron.activation],
        spike_exp=neuron.spike_exp,
        state_exp=STATE_EXP,
    )


_BUILDERS: Mapping[str, Callable[[Layer], AbstractProcess]] = {
    CubaLif.model: lambda layer: LIF(**_lif_parameters(layer)),
    AdaptiveLif.model: _atrlif,
    ResonateAndFire.model: _resonators(RF),
    IzhikevichResonateAndFire.model: _resonators(RF_IZ),
    DeltaNeuron.model: _delta,
    SigmaDeltaNeuron.model: _sigma_delta,
    SigmaNeuron.model: lambda layer: Sigma(shape=(layer.size,)),
}
