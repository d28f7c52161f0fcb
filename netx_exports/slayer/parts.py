"""Integers out of the parts of a SLAYER block: weights, decays, threshold, bias, delays, with the reason where not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.weight_norm import WeightNorm

from lapilli.netx_exports.arrays import IntArray, frozen_integers
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, CubaLif
from lapilli.netx_exports.slayer.lava_dl import CubaNeuron, MeanOnlyBatchNorm
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape

_BIAS_LIMIT = (1 << 15) - 1


@dataclass(frozen=True)
class Reading:
    """The block that is being read and where its problems go."""

    where: str
    problems: list[str]

    def problem(self, phrase: str) -> None:
        """Report why the block has no exact integer form."""
        self.problems.append(f"{self.where}: {phrase}")


def read_weights(reading: Reading, synapse: Any, neuron: Any, mask: torch.Tensor | None = None) -> IntArray | None:
    """Quantised weights as integers, (out, in) of a dense synapse and (out, in / groups, height, width) of others.

    What counts is the forward pass: what the quantising hook gives there, times the scale, must be whole numbers in
    the range of a synapse.
    """
    weight = _normalised_weight(reading, synapse)
    if weight is None:
        return None
    if mask is not None and synapse.weight_norm_enabled:
        reading.problem("mask: has no effect in SLAYER together with weight_norm")
        return None
    if mask is not None:
        weight = weight * mask
    numbers = _integers(reading, "weights", weight, synapse.pre_hook_fx, neuron, (-256, 255))
    if numbers is None:
        return None
    dense = type(synapse).__name__ == "Dense"
    return numbers.reshape(numbers.shape[0], -1) if dense else numbers.reshape(numbers.shape[:4])


def read_neuron(
    reading: Reading, neuron: Any, shape: Shape | None, bias: IntArray, vth_mant: int | None = None
) -> CubaLif | None:
    """The neuron's parameters as integers; `vth_mant` instead of its threshold if given (a readout has none)."""
    if not isinstance(neuron, CubaNeuron):
        reading.problem(f"neuron: must be a CUBA neuron, got {type(neuron).__name__}")
        return None
    before = len(reading.problems)
    scale = neuron.w_scale
    if scale < 1 or scale & (scale - 1) or neuron.s_scale != scale * 64:
        reading.problem(f"scale: must be a power of two, got {scale}")
    if neuron.graded_spike:
        reading.problem("graded_spike=True: Lava's CUBA neuron has no graded spikes")
    if hasattr(neuron, "current_decay_min"):
        reading.problem("shared_param=False: its decays are drawn when it first runs; run it once")
    current, voltage = (_decay(reading, neuron, name) for name in ("current_decay", "voltage_decay"))
    threshold = _threshold(reading, neuron) if vth_mant is None else vth_mant
    if len(reading.problems) > before or current is None or voltage is None:
        return None
    mantissa, exponent = _mantissa(reading, bias)
    return CubaLif(threshold, current, voltage, mantissa, exponent)


def read_bias(reading: Reading, neuron: Any) -> IntArray:
    """What the neuron's normalisation adds to its voltage, one for each channel, in units of the voltage.

    The scalar 0 without normalisation. Beside SLAYER's MeanOnlyBatchNorm any module is one that has `quantised`: the
    numbers that it adds, in SLAYER's unit, as `lapilli.training.fused.Bias`.
    """
    none = np.asarray(0, np.int32)
    norm = getattr(neuron, "norm", None)
    if norm is None:
        return none
    if hasattr(norm, "quantised"):
        units = _integers(reading, "bias", norm.quantised * 64, None, neuron, (-_BIAS_LIMIT << 6, _BIAS_LIMIT << 6))
        return none if units is None else units
    if type(norm) is not MeanOnlyBatchNorm:
        reading.problem(f"norm: {type(norm).__name__} has no exact integer form; use MeanOnlyBatchNorm")
        return none
    mean = _integers(reading, "norm", norm.running_mean, norm.pre_hook_fx, neuron, (-_BIAS_LIMIT, _BIAS_LIMIT))
    return none if mean is None else np.left_shift(-mean, 6)


def _mantissa(reading: Reading, bias: IntArray) -> tuple[IntArray, int]:
    """(bias_mant, bias_exp) of biases in units of the voltage: NetX's exponent 6, or the largest that loses nothing."""
    low_bits = int(np.bitwise_or.reduce(np.atleast_1d(bias)))
    exponent = 6 if low_bits % 64 == 0 else (low_bits & -low_bits).bit_length() - 1
    mantissa = bias >> exponent
    if abs(mantissa).max() > _BIAS_LIMIT:
        reading.problem(f"bias: its {abs(bias).max()} units in steps of {1 << exponent} need more than 16 bits")
    return mantissa, exponent


def read_delays(reading: Reading, delay: Any) -> IntArray | None:
    """Delay in steps of each channel that leaves the layer; None where there is none."""
    if delay.sampling_time != 1:
        reading.problem(f"delay: sampling_time must be 1, got {delay.sampling_time}")
        return None
    # Before the first run SLAYER draws delays below 1, which are none.
    if not delay.init:
        return None
    steps = np.clip(delay.delay.detach().cpu().double().numpy(), 0, delay.max_delay).reshape(-1)
    before = len(reading.problems)
    where = f"{reading.where}: delay"
    whole = frozen_integers(
        np.floor(steps), low=0, high=MAX_DELAY, dtype=np.int16, where=where, problems=reading.problems
    )
    return None if len(reading.problems) > before else whole


def read_number(reading: Reading, name: str, parameter: torch.Tensor, hook: Any, neuron: Any) -> int:
    """One quantised number of an Input block as an integer in -256…255; 0 with a problem where it is none."""
    numbers = _integers(reading, name, parameter, hook, neuron, (-256, 255))
    return 0 if numbers is None else int(numbers.reshape(()))


def _normalised_weight(reading: Reading, synapse: Any) -> torch.Tensor | None:
    for hook in synapse._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            # `synapse.weight` is what the last forward pass left, older than the parameters.
            return hook.compute_weight(synapse)
        if isinstance(hook, BasePruningMethod):
            reading.problem("pruning: make it permanent with torch.nn.utils.prune.remove first")
            return None
    return synapse.weight


def _integers(
    reading: Reading, name: str, values: torch.Tensor, hook: Any, neuron: Any, limits: tuple[int, int]
) -> IntArray | None:
    detached = values.detach().clone()
    quantised = detached if hook is None else hook(detached)
    whole = quantised.cpu().double().numpy() * neuron.w_scale
    before = len(reading.problems)
    numbers = frozen_integers(
        whole,
        low=limits[0],
        high=limits[1],
        dtype=np.int32,
        where=f"{reading.where}: {name}",
        problems=reading.problems,
    )
    return None if len(reading.problems) > before else numbers


def _decay(reading: Reading, neuron: Any, name: str) -> IntArray | None:
    values = getattr(neuron, name).detach().cpu().double().numpy()
    if neuron.requires_grad:
        values = np.clip(values, 0, DECAY_UNITY)
    before = len(reading.problems)
    decays = frozen_integers(
        np.rint(values),
        low=0,
        high=DECAY_UNITY,
        dtype=np.int32,
        where=f"{reading.where}: {name}",
        problems=reading.problems,
    )
    if len(reading.problems) > before:
        return None
    return decays.reshape(()) if decays.size == 1 else decays


def _threshold(reading: Reading, neuron: Any) -> int:
    threshold = float(neuron.threshold)
    # SLAYER spikes at v >= threshold + epsilon in single precision, Lava at v > threshold: the same only while
    # epsilon survives the rounding and stays below one unit of the voltage.
    lifted = float(np.float32(threshold + neuron.threshold_eps))
    if not threshold < lifted <= threshold + 1 / neuron.s_scale:
        reading.problem(
            f"threshold: {threshold:g} at scale {neuron.w_scale} loses SLAYER's epsilon in single precision, "
            "so that voltages equal to it spike in SLAYER and not in Lava"
        )
    return int(threshold * neuron.w_scale)
