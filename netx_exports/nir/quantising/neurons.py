"""Neurons of a float layer as integers, at a scale: thresholds, decays and biases."""

from dataclasses import dataclass

import numpy as np

from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, NEVER_SPIKES, AdaptiveLif, CubaLif
from lapilli.netx_exports.nir.floating.graph import FloatLayer
from lapilli.netx_exports.nir.meaning import Floats, Ints
from lapilli.netx_exports.synapses.kinds import Shape

_LARGEST_MANTISSA = (1 << 15) - 1
_LARGEST_EXPONENT = 7


@dataclass(frozen=True)
class Subtraction:
    """Adaptive neurons that lose `2 half` to a spike, as numbers in units of weights.

    An adaptive neuron spikes from `half` on and loses twice that. So its voltage is held `offset = half + 1` lower than
    the float neuron's: then it spikes where that one is above `2 half`, which is the threshold, and loses as much.

    Arguments:
        half: threshold mantissa.
        exponent: with which a weight can bring the offset in the first step.
    """

    half: int
    exponent: int

    @property
    def scale(self) -> int:
        """Units of weights of a threshold."""
        return 2 * self.half

    @property
    def offset(self) -> int:
        """By which the voltage is lower, a multiple of 2 to the power of `exponent + 1`."""
        return self.half + 1


def subtraction(scale: float, largest_weight: int) -> Subtraction | None:
    """Of the largest threshold up to `scale` whose offset one even weight of that size can bring; None for none."""
    offset = int(scale / 2) + 1
    exponent = 0
    while offset > largest_weight << exponent:
        exponent += 1
    step = 2 << exponent
    half = offset // step * step - 1
    return Subtraction(half, exponent) if half >= 1 else None


def decay(share: Floats) -> Ints:
    """The nearest of 4096 parts."""
    return np.rint(share * DECAY_UNITY).astype(np.int64)


def biases(layer: FloatLayer, arriving: Floats, scale: float) -> Ints | None:
    """What is added to each voltage in a step, in 1/64 of a weight's unit; None after reporting what is not finite.

    A bias of what a current adds up is what the current becomes in the end, from the first step on.

    Arguments:
        layer: of the float network.
        arriving: what biases of connections add to what arrives, of the layer's shape.
        scale: units of weights of a threshold.
    """
    neurons = layer.neurons
    if neurons.current_decay is not None and neurons.current_gain is not None:
        endless = (neurons.current_decay == 0) & (arriving != 0)
        if np.any(endless):
            layer.node.unsupported(f"{layer.node.kind}: a current that does not decay would add up its bias for ever")
            return None
        arriving = arriving * neurons.current_gain / np.where(neurons.current_decay == 0, 1, neurons.current_decay)
    unit = 1.0 if neurons.threshold is None else neurons.threshold
    each: Ints = np.rint((neurons.voltage_gain * arriving + neurons.pull) / unit * scale * 64).astype(np.int64)
    return each


def cuba_neurons(layer: FloatLayer, shape: Shape, bias: Ints, threshold: int | None) -> CubaLif | None:
    """Neurons whose voltage a spike takes to 0, or None after reporting a bias that is too large.

    Arguments:
        layer: of the float network.
        shape: of the layer here.
        bias: of `biases`.
        threshold: in units of weights; None: they do not spike.
    """
    current = layer.neurons.current_decay
    mantissa = _mantissa(layer, bias)
    if mantissa is None:
        return None
    return CubaLif(
        NEVER_SPIKES if threshold is None else threshold,
        DECAY_UNITY if current is None else _shortest(decay(current), shape),
        _shortest(decay(layer.neurons.voltage_decay), shape),
        _shortest(mantissa[0], shape),
        mantissa[1],
    )


def subtracting_neurons(layer: FloatLayer, shape: Shape, bias: Ints, chosen: Subtraction) -> AdaptiveLif | None:
    """Neurons whose voltage loses the threshold to a spike, or None after reporting why there are none.

    Arguments:
        layer, shape, bias: as of `cuba_neurons`.
        chosen: threshold and offset.
    """
    shares = decay(layer.neurons.voltage_decay)
    if np.ptp(shares):
        layer.node.unsupported(f"{layer.node.kind}: must have one time constant to lose the threshold to a spike")
        return None
    lost = int(shares.flat[0])
    mantissa = _mantissa(layer, bias - held_down(chosen.offset, lost))
    if mantissa is None:
        return None
    return AdaptiveLif(chosen.half, 0, DECAY_UNITY, lost, 0, lost, _shortest(mantissa[0], shape), mantissa[1])


def held_down(offset: int, lost: int) -> int:
    """What must be taken off the voltage in each step, in 1/64, so that it stays `offset` lower although it decays."""
    return (offset << 6) - _kept(offset << 6, lost)


def first_push(offset: int, lost: int) -> float:
    """What must be taken off in step 1, in units of weights, so that the voltage is `offset` lower from then on."""
    per_step = held_down(offset, lost)
    return ((offset << 6) - per_step - _kept(per_step, lost)) / 64


def _kept(state: int, lost: int) -> int:
    return state * (DECAY_UNITY - lost) >> 12


def _mantissa(layer: FloatLayer, bias: Ints) -> tuple[Ints, int] | None:
    """(mantissas, exponent) of the finest form that holds these biases."""
    for exponent in range(_LARGEST_EXPONENT + 1):
        mantissa = np.rint(bias / (1 << exponent)).astype(np.int64)
        if np.abs(mantissa).max() <= _LARGEST_MANTISSA:
            return mantissa, exponent
    layer.node.unsupported(f"{layer.node.kind}: has a bias or a leak voltage of more than 2^22 / 64 weights")
    return None


def _shortest(values: Ints, shape: Shape) -> Ints:
    """One number for all, for each channel, or for each neuron."""
    each = values.reshape(shape)
    if np.all(each == each.flat[0]):
        return each.reshape(-1)[0]
    if each.ndim == 3 and np.all(each == each[:, :1, :1]):
        return np.array(each[:, 0, 0])
    return each
