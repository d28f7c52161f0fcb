"""Spikes and synaptic operations of a SLAYER network as tensors, so that a loss can ask for fewer of them.

A synaptic operation is a spike that meets a weight that is not zero in the integer network. The numbers are those that
`simulators.Counts` has of the exported network. Gradients reach the weights on two ways: through the surrogate of the
spikes, so that neurons spike less, and through one of "is not zero", so that weights of little use become zero.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from lapilli.training.networks.slayer import slayer

ZERO_WIDTH = 0.25
"""Size of a weight, in thresholds of 1, at which the pull of its operations towards zero has fallen to 1/e."""


class Costs(NamedTuple):
    """What a batch of samples costs; a mean over the samples, float64.

    Arguments:
        spikes: of the layers, the input not counted.
        operations: of all synapses, those that the input feeds too.
    """

    spikes: torch.Tensor
    operations: torch.Tensor


def costs(blocks: Iterable[Any], values: torch.Tensor, sent: Sequence[torch.Tensor]) -> Costs:
    """Count a forward pass.

    Arguments:
        blocks: SLAYER's CUBA blocks `Dense`, `Recurrent`, `Conv`, `Pool`, `Flatten`, those of several synapses
            with `reads` (`lapilli.training.networks.blocks`) and, last, `Affine`, in the order in which they run.
        values: input, (samples, *inputs, steps), in the last step of which nothing is lost: see `slayer_input`.
        sent: what each block with neurons sent, before its shift by a step, (samples, *neurons, steps);
            `SlayerNetwork.answers`.
    """
    found, n_samples = list(blocks), len(values)
    n_spiking = sum(_has_neurons(block) for block in found) - (type(found[-1]).__name__ == "Affine")
    # An input event counts once, whatever its value.
    spiking = [values != 0, *sent[:n_spiking]]
    events = [spikes.double().sum(dim=(0, -1)).flatten() for spikes in spiking]
    operations = torch.stack(
        [
            (events[source] * _fan_out(synapse, spiking[source].shape[1:-1])).sum()
            for synapse, source in _connections(found)
        ]
    ).sum()
    layers = torch.stack([of_source.sum() for of_source in events[1:]]).sum() if events[1:] else operations * 0
    return Costs(layers / n_samples, operations / n_samples)


def _has_neurons(block: Any) -> bool:
    return getattr(block, "neuron", None) is not None


def _connections(blocks: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """Each synapse, and which it reads: 0 for the input, 1 for the first block with neurons, and so on."""
    left = [0]
    for block in blocks:
        if not _has_neurons(block):
            left.append(left[-1])
            continue
        if hasattr(block, "reads"):
            yield from ((synapse, left[-back]) for synapse, (back, _) in zip(block.synapses, block.reads))
        elif hasattr(block, "recurrent_synapse"):
            yield block.input_synapse, left[-1]
            yield block.recurrent_synapse, max(left) + 1
        else:
            yield block.synapse, left[-1]
        left.append(max(left) + 1)


def _fan_out(synapse: Any, shape: torch.Size) -> torch.Tensor:
    """Of each source neuron, flat; the weights as SLAYER quantises them."""
    weight = synapse.weight if synapse.pre_hook_fx is None else synapse.pre_hook_fx(synapse.weight)
    found: torch.Tensor = _NonZero.apply(weight)  # type: ignore[no-untyped-call]
    if isinstance(synapse, slayer.synapse.Dense):
        return found.sum(dim=0).flatten()
    with torch.set_grad_enabled(True), _weights(synapse, found):
        # A synapse is linear: what one spike of a source adds up to everywhere is the gradient of the sum.
        source = torch.zeros(1, *shape, 1, dtype=torch.float64, requires_grad=True)
        (fan,) = torch.autograd.grad(synapse(source).sum(), source, create_graph=found.requires_grad)
    return fan.flatten()


@contextmanager
def _weights(synapse: Any, weights: torch.Tensor) -> Iterator[None]:
    """Let a synapse compute with other weights."""
    hook = synapse.pre_hook_fx
    synapse.pre_hook_fx = lambda _: weights
    try:
        yield
    finally:
        synapse.pre_hook_fx = hook


class _NonZero(torch.autograd.Function):
    """1 where a weight is not zero; backwards as if it were `1 - exp(-|weight| / ZERO_WIDTH)`."""

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(weight)
        return (weight != 0).double()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (weight,) = ctx.saved_tensors
        slope = torch.sign(weight) * torch.exp(-weight.abs() / ZERO_WIDTH) / ZERO_WIDTH
        return (gradients[0] * slope).to(weight.dtype)
