"""Scales of whole layers that are part of the quantised weights: batch normalisation and learned thresholds.

SLAYER quantises `synapse.weight` in each forward pass. Here that weight is the product of a parameter and a learned
scale, computed before each pass by a hook of the kind that torch's weight normalisation has; SLAYER, the fused kernels
and `from_slayer` all call such hooks, so what is quantised, run, and exported is the product.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import log
from typing import Any

import torch
from torch.nn.utils.weight_norm import WeightNorm

from lapilli.training.fused import Bias
from lapilli.training.networks.leaky import leaky_sum
from lapilli.training.networks.slayer import slayer

_EPSILON = 1e-3
_MANTISSA = (1 << 15) - 1
_STEPS = 32


class FoldedBatchNorm(Bias):
    """Batch normalisation of the neurons' current, folded into integer weights and biases in every forward pass.

    What drives a neuron's voltage becomes `scale * (u - mean(u)) / sqrt(var(u) + 1e-3) + shift`, with the current u of
    the weights before quantisation (for a recurrent layer: of what comes from below). As u is linear in the weights,
    `scale / sqrt(...)` is a factor of each neuron's or channel's weights, which are then quantised; the rest is a bias,
    quantised too. Lava adds a bias to the voltage in each step, as SLAYER adds what comes behind the current: that is
    why the current is normalised and not the sum of spikes in front of it.

    Mean and variance are those of the batch in training, over samples, steps and places, and running ones otherwise.
    Gradients pass through the former as in Ioffe and Szegedy (2015), and through quantisation as if it were not there.

    Arguments:
        n_channels: of a dense layer its neurons, of an image its channels.
        scale: first value of the learned scale, in SLAYER's unit.
        bias_exp: biases are multiples of 2^bias_exp / 4096.
        momentum: share of a batch in the running values.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, n_channels: int, scale: float = 1.0, bias_exp: int = 6, momentum: float = 0.1) -> None:
        super().__init__(n_channels)
        self.scale = torch.nn.Parameter(torch.full((n_channels,), float(scale)))
        self.step = 2.0**bias_exp / 4096
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_var", torch.ones(n_channels))
        self._batch: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def factor(self) -> torch.Tensor:
        """Of the weights of each neuron or channel."""
        return self.scale / torch.sqrt(self._statistics[1] + _EPSILON)

    @property
    def quantised(self) -> torch.Tensor:
        """The biases as they are added, (channels)."""
        bias = self.shift - self._statistics[0] * self.factor
        whole: torch.Tensor = slayer.utils.quantize(bias, step=self.step)
        return whole.clamp(-_MANTISSA * self.step, _MANTISSA * self.step)

    @contextmanager
    def of_batch(self, currents: torch.Tensor) -> Iterator[None]:
        """Normalise by a batch while the block is open, and add it to the running values.

        Arguments:
            currents: of the weights without a scale, (samples, steps, channels, ...).
        """
        var, mean = torch.var_mean(currents.transpose(0, 2).flatten(1), dim=1, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        self._batch = mean, var
        try:
            yield
        finally:
            self._batch = None

    @property
    def _statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        return (self.running_mean, self.running_var) if self._batch is None else self._batch


class Gain(torch.nn.Module):
    """One learned factor, above 0, of all weights of a layer.

    SLAYER's and Lava's thresholds are constants. Neurons that start from 0 and are reset to 0 spike alike with weights
    times a factor and with a threshold over it: learning the factor is learning the threshold. Whichever of the two is
    moved, weights and threshold meet on the same grid; this one keeps the threshold a whole number by itself.
    """

    def __init__(self, first: float = 1.0) -> None:
        super().__init__()
        self.log_gain = torch.nn.Parameter(torch.full((1,), log(first)))

    @property
    def factor(self) -> torch.Tensor:
        """Of all weights."""
        return self.log_gain.exp()


def fold(synapse: Any, scale: FoldedBatchNorm | Gain) -> None:
    """Let the weights of a synapse of SLAYER be its parameter, from now on `weight_raw`, times a learned scale."""
    raw = synapse.weight
    del synapse._parameters["weight"]
    synapse.weight_raw = raw
    hook = _Folded(scale)
    hook(synapse, ())
    synapse.register_forward_pre_hook(hook)


class _Folded(WeightNorm):
    def __init__(self, scale: FoldedBatchNorm | Gain) -> None:
        super().__init__("weight", 0)
        self._scale = scale

    def compute_weight(self, module: Any) -> torch.Tensor:
        raw: torch.Tensor = module.weight_raw
        return raw * self._scale.factor.reshape(-1, *(1,) * (raw.dim() - 1))


@contextmanager
def batch_statistics(block: Any, inputs: Any, training: bool) -> Iterator[None]:
    """Normalise the block's neurons by what a batch gives them while the block is open; nothing if it has no such norm.

    Arguments:
        block: of SLAYER, with neurons.
        inputs: what it reads, a tensor or one for each of its synapses.
        training: else the running statistics stay in use.
    """
    norm = getattr(block.neuron, "norm", None)
    if not training or not isinstance(norm, FoldedBatchNorm):
        yield
        return
    each = [inputs] if isinstance(inputs, torch.Tensor) else inputs
    with norm.of_batch(currents(input_synapses(block), block.neuron, each)):
        yield


def input_synapses(block: Any) -> list[Any]:
    """The synapses of a block, in order, but for a recurrent one."""
    if hasattr(block, "synapses"):
        return list(block.synapses)
    return [block.input_synapse if hasattr(block, "recurrent_synapse") else block.synapse]


def refresh(synapse: Any) -> None:
    """Compute the weights of a synapse now: SLAYER's recurrent block does not call its recurrent synapse's hooks."""
    for hook in synapse._forward_pre_hooks.values():
        if isinstance(hook, _Folded):
            hook(synapse, ())


def currents(synapses: Iterable[Any], neuron: Any, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Currents of neurons for weights that have no scale and are not quantised, (samples, steps, channels, ...).

    Of long samples not every step is looked at, but 32 or more.

    Arguments:
        synapses: of SLAYER, folded.
        neuron: has a current decay.
        inputs: what each synapse reads, (samples, *inputs, steps).
    """
    keep = 1 - neuron.current_decay.detach().round() / 4096
    by_step = [values.movedim(-1, 1) for values in inputs]
    every = max(1, by_step[0].shape[1] // _STEPS)
    if keep.numel() > 1:
        return leaky_sum(_arriving(synapses, by_step), keep)[:, every - 1 :: every]
    # One decay for all: what leaks may as well be the input, of which then a few steps do.
    kept = [leaky_sum(values, keep) if keep.any() else values for values in by_step]
    return _arriving(synapses, [values[:, every - 1 :: every] for values in kept])


def _arriving(synapses: Iterable[Any], by_step: Sequence[torch.Tensor]) -> torch.Tensor:
    total = sum(_product(synapse, values) for synapse, values in zip(synapses, by_step))
    assert isinstance(total, torch.Tensor)
    return total


def _product(synapse: Any, by_step: torch.Tensor) -> torch.Tensor:
    """What a synapse gives with its parameter as weights, (samples, steps, channels, ...)."""
    raw = synapse.weight_raw
    if isinstance(synapse, slayer.synapse.Dense):
        return torch.matmul(by_step.flatten(2), raw.flatten(1).t())
    # In one block of memory: see `training/fused/convolution.py` on torch's convolutions.
    images = by_step.flatten(0, 1).clone(memory_format=torch.contiguous_format)
    geometry = (synapse.stride[:2], synapse.padding[:2], synapse.dilation[:2], synapse.groups)
    found = torch.conv2d(images, raw[..., 0], None, *geometry)
    return found.reshape(*by_step.shape[:2], *found.shape[1:])


def clipped_share(module: torch.nn.Module) -> float:
    """Share of the synapses' weights that quantisation cuts to its range, which is -4…254/64 at SLAYER's scale 64."""
    cut, total = 0, 0
    with torch.no_grad():
        for synapse in module.modules():
            hook = getattr(synapse, "pre_hook_fx", None)
            if hook is None or not isinstance(synapse, torch.nn.Conv3d):
                continue
            refresh(synapse)
            limits = hook(torch.tensor([-1e9, 1e9], device=synapse.weight.device))
            cut += int(((synapse.weight < limits[0]) | (synapse.weight > limits[1])).sum())
            total += synapse.weight.numel()
    return cut / total if total else 0.0
