"""The neuron models of the reference backend, in plain numpy: int32 that wraps where Lava's does.

Sources: `lava.proc.lif`, `atrlif`, `rf`, `rf_iz` and `sdn`, models of tag `fixed_pt`, of lava-nc 0.10.0.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.kinds import (
    DECAY_UNITY,
    STATE_EXP,
    STATE_LIMIT,
    AdaptiveLif,
    CubaLif,
    Delta,
    IzhikevichResonateAndFire,
    Neuron,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
)

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Sent = npt.NDArray[np.bool_] | Int32


class Population:
    """The neurons of one layer in each sample.

    Arguments:
        neuron: model and parameters.
        shape: of the layer.
        n_samples: samples at once.

    `states` holds what is recorded, (samples, neurons). `step` takes what arrives at each part of the neurons and
    returns which neurons spike, or the values that they send.
    """

    def __init__(self, neuron: Neuron, shape: tuple[int, ...], n_samples: int) -> None:
        self.neuron = neuron
        self.shape = (n_samples, prod(shape))
        self.states = {name: np.zeros(self.shape, np.int32) for name in neuron.states}

    def reset(self) -> None:
        """Start afresh."""
        for state in self.states.values():
            state[:] = 0

    def step(self, *arriving: Int32) -> Sent:
        """Integrate what arrives."""
        raise NotImplementedError


class _CubaLifs(Population):
    def __init__(self, neuron: CubaLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.current_decay = neuron.per_neuron("current_decay", shape)
        self.voltage_decay = neuron.per_neuron("voltage_decay", shape)
        self.threshold = neuron.per_neuron("vth_mant", shape) << 6
        self.bias = neuron.bias(shape)

    def step(self, *arriving: Int32) -> Sent:
        _integrate(self.states, arriving[0], self.current_decay, self.voltage_decay, self.bias)
        spiking = self.states["voltage"] > self.threshold
        self.states["voltage"][spiking] = 0
        return spiking


class _AdaptiveLifs(Population):
    def __init__(self, neuron: AdaptiveLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.model = neuron
        self.rest = np.int32(neuron.vth_mant << 6)
        self.growth = np.int32(neuron.threshold_step << 6)
        self.bias = neuron.bias(shape)
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.states["threshold"][:] = self.rest

    def step(self, *arriving: Int32) -> Sent:
        model, states = self.model, self.states
        decays = (np.asarray(model.current_decay), np.asarray(model.voltage_decay))
        _integrate(states, arriving[0], *decays, self.bias)
        threshold, refractory = states["threshold"], states["refractory"]
        threshold[:] = _decayed(threshold - self.rest, np.asarray(model.threshold_decay)) + self.rest
        refractory[:] = _decayed(refractory, np.asarray(model.refractory_decay))
        spiking: npt.NDArray[np.bool_] = states["voltage"] - refractory >= threshold
        refractory[spiking] += 2 * threshold[spiking]
        threshold[spiking] += self.growth
        return spiking


class _Resonators(Population):
    """Both resonate-and-fire models: they turn the same way, and differ in what a spike is."""

    def __init__(
        self, neuron: ResonateAndFire | IzhikevichResonateAndFire, shape: tuple[int, ...], n_samples: int
    ) -> None:
        super().__init__(neuron, shape, n_samples)
        self.sin_decay, self.cos_decay = neuron.sin_decay, neuron.cos_decay
        self.threshold = neuron.vth_mant << 6

    def turn(self, real_input: Int32, imag_input: Int32) -> tuple[Int32, Int32]:
        """(real, imaginary) part of the voltage one step later, before any reset."""
        real, imag = (self.states[name].astype(np.int64) for name in ("real", "imag"))
        new_real = _scaled(self.cos_decay * real) - _scaled(self.sin_decay * imag) + (real_input << STATE_EXP)
        new_imag = _scaled(self.sin_decay * real) + _scaled(self.cos_decay * imag) + (imag_input << STATE_EXP)
        return _saturated(new_real), _saturated(new_imag)


class _PhaseResonators(_Resonators):
    def step(self, *arriving: Int32) -> Sent:
        real, imag = self.turn(*arriving)
        spiking: npt.NDArray[np.bool_] = (real >= self.threshold) & (imag >= 0) & (self.states["imag"] < 0)
        self.states |= {"real": real, "imag": imag}
        return spiking


class _IzhikevichResonators(_Resonators):
    def step(self, *arriving: Int32) -> Sent:
        real, imag = self.turn(*arriving)
        spiking: npt.NDArray[np.bool_] = imag >= self.threshold
        real[spiking], imag[spiking] = 0, self.threshold - 1
        self.states |= {"real": real, "imag": imag}
        return spiking


class _Deltas(Population):
    """Encoders of changes; `send` is what sigma-delta neurons do after their activation."""

    def __init__(self, neuron: Delta | SigmaDelta, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.exponent = np.int32(neuron.spike_exp + STATE_EXP)
        self.threshold = neuron.vth_mant << int(self.exponent)

    def step(self, *arriving: Int32) -> Sent:
        return self.send(arriving[0] << self.exponent)

    def send(self, activation: Int32) -> Int32:
        """Take over a new activation; the change where it is large enough."""
        change = activation - self.states["activation"] + self.states["residue"]
        sent = np.where(np.abs(change) >= self.threshold, change, np.int32(0))
        self.states |= {"activation": activation, "residue": change - sent}
        return sent >> np.int32(STATE_EXP)


class _SigmaDeltas(_Deltas):
    def __init__(self, neuron: SigmaDelta, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.bias = neuron.bias(shape)
        self.rectifies = neuron.activation == "relu"

    def step(self, *arriving: Int32) -> Sent:
        self.states["sigma"] += arriving[0]
        biased = self.states["sigma"] + self.bias
        return self.send(np.maximum(biased, np.int32(0)) if self.rectifies else biased)


class _Sigmas(Population):
    def step(self, *arriving: Int32) -> Sent:
        self.states["sigma"] += arriving[0]
        return self.states["sigma"].copy()


_POPULATIONS: dict[str, Callable[..., Population]] = {
    CubaLif.model: _CubaLifs,
    AdaptiveLif.model: _AdaptiveLifs,
    ResonateAndFire.model: _PhaseResonators,
    IzhikevichResonateAndFire.model: _IzhikevichResonators,
    Delta.model: _Deltas,
    SigmaDelta.model: _SigmaDeltas,
    Sigma.model: _Sigmas,
}


def populate(neuron: Neuron, shape: tuple[int, ...], n_samples: int) -> Population:
    """The neurons of a layer of this shape, at rest."""
    return _POPULATIONS[neuron.model](neuron, shape, n_samples)


def _integrate(
    states: dict[str, Int32], arriving: Int32, current_decay: Int32, voltage_decay: Int32, bias: Int32
) -> None:
    """Current wraps, voltage saturates; one step of both."""
    total = _decayed(states["current"], current_decay) + (arriving << 6)
    # One wrap only: a current beyond three times the limit stays outside of 24 bits.
    too_high, too_low = total > STATE_LIMIT, total <= -STATE_LIMIT
    states["current"] = np.where(too_high, total - 2 * STATE_LIMIT, np.where(too_low, total + 2 * STATE_LIMIT, total))
    total = _decayed(states["voltage"], voltage_decay) + states["current"] + bias
    states["voltage"] = np.clip(total, -STATE_LIMIT + 1, STATE_LIMIT - 1)


def _decayed(state: Int32, decay: Int32) -> Int32:
    """`state * (4096 - decay) / 4096`, rounded towards zero."""
    return _scaled(state.astype(np.int64) * (DECAY_UNITY - decay.astype(np.int64))).astype(np.int32)


def _scaled(product: Int64) -> Int64:
    """`product / 4096`, rounded towards zero."""
    return np.sign(product) * (np.abs(product) >> 12)


def _saturated(total: Int64) -> Int32:
    return np.clip(total, -STATE_LIMIT + 1, STATE_LIMIT - 1).astype(np.int32)
