"""What arrives at the neurons of a block: events that meet quantised weights, or numbers that are there already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.weight_norm import WeightNorm

from lapilli.training.fused.autocast import autocast_on_cpu
from lapilli.training.fused.dynamics import has_hooks
from lapilli.training.fused.events import FORWARD_DENSITY, InputEvents, exact_sums, input_events
from lapilli.training.fused.form import Form
from lapilli.training.fused.source import Source
from lapilli.training.networks.slayer import slayer


@dataclass(frozen=True)
class Arrivals:
    """What arrives at neurons: `events` of `values` that meet `weight`, or else `real`.

    Arguments:
        shape: of all that arrives, (samples, *neurons, steps).
        values: (samples, inputs, steps).
        weight: quantised, (neurons, inputs).
        events: those of `values`.
        real: (samples, neurons, steps), in SLAYER's unit.
        channels_last: whether the neurons of an image lie as (rows, columns, channels) in `real`.
        are_currents: whether `real` are the neurons' currents already.
        source: the synapse of `values` and `weight` (then in its own shapes), where it is not a dense one.
    """

    shape: torch.Size
    values: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    events: InputEvents | None = None
    real: torch.Tensor | None = None
    channels_last: bool = False
    are_currents: bool = False
    source: Source | None = None

    @classmethod
    def of_numbers(cls, numbers: torch.Tensor, are_currents: bool = False) -> "Arrivals":
        """Numbers (samples, *neurons, steps) that some other code computed."""
        return cls(numbers.shape, real=numbers.flatten(1, -2), are_currents=are_currents)

    def of_channels(self, values: torch.Tensor) -> torch.Tensor:
        """(neurons), in the order of what arrives, of (channels) or (1)."""
        places = self.shape[2:-1].numel()
        of_channels = values.reshape(-1, 1).expand(self.shape[1], places)
        return (of_channels.t() if self.channels_last else of_channels).flatten()

    @property
    def form(self) -> Form:
        """How the neurons lie."""
        return Form(self.shape, self.channels_last)


def dense_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a dense synapse of SLAYER sends to its neurons.

    Where the order of additions could matter, SLAYER's own product is taken.

    Arguments:
        synapse: of SLAYER.
        neuron: quantises the weights.
        values: (samples, inputs, steps) or (samples, *inputs, steps).

    Returns:
        None where it is for SLAYER to refuse the input, or to run on another device.
    """
    if not on_cpu(values) or values.dim() < 3:
        return None
    weight = quantised_weight(synapse, neuron, values.device)
    flat = values if values.dim() == 3 else flattened(values, synapse)
    if weight is None or flat is None or flat.shape[1] != weight.shape[1]:
        return Arrivals.of_numbers(synapse(values))
    ones = (1,) * (values.dim() - 3)
    shape = torch.Size((len(values), len(weight), *ones, values.shape[-1]))
    return _dense_arrivals(flat, weight, shape) or Arrivals.of_numbers(synapse(values))


def multi_dense_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several dense synapses of SLAYER send to the same neurons: that of one that reads all their inputs.

    Arguments:
        synapses: of SLAYER.
        neuron: quantises the weights.
        inputs: (samples, inputs, steps) for each synapse.

    Returns:
        None where it is for SLAYER to refuse the inputs, or to run on another device.
    """
    alike = len({(len(values), values.shape[-1]) for values in inputs}) == 1
    if len(inputs) != len(synapses) or not alike or not all(on_cpu(values) and values.dim() == 3 for values in inputs):
        return None
    weights = [quantised_weight(synapse, neuron, inputs[0].device) for synapse in synapses]
    found = None
    if all(w is not None and w.shape[1] == values.shape[1] for w, values in zip(weights, inputs)):
        weight = torch.cat([w for w in weights if w is not None], 1)
        # By steps first, as the fused blocks write and read.
        together = torch.cat([values.transpose(1, 2) for values in inputs], 2).transpose(1, 2)
        found = _dense_arrivals(together, weight, torch.Size((len(together), len(weight), together.shape[-1])))
    return found or Arrivals.of_numbers(added([synapse(values) for synapse, values in zip(synapses, inputs)]))


def synapse_arrivals(synapse: Any, values: torch.Tensor) -> Arrivals | None:
    """What any other synapse of SLAYER sends to its neurons, by its own product; None as of `dense_arrivals`."""
    return Arrivals.of_numbers(synapse(values)) if on_cpu(values) else None


def together(parts: Sequence[Arrivals | None]) -> Arrivals | None:
    """What several synapses send as numbers to the same neurons; None where one is None, or shapes differ."""
    found = [part for part in parts if part is not None]
    if len(found) < len(parts) or len({part.shape for part in found}) != 1:
        return None
    if len({part.channels_last for part in found}) == 1:
        return replace(found[0], real=added([_numbers(part) for part in found]))
    return Arrivals.of_numbers(added([part.form.shaped(_numbers(part).transpose(1, 2)) for part in found]))


def _numbers(part: Arrivals) -> torch.Tensor:
    assert part.real is not None, "events do not add up"
    return part.real


def added(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of what arrives by several synapses, in their order."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _dense_arrivals(values: torch.Tensor, weight: torch.Tensor, shape: torch.Size) -> Arrivals | None:
    """None where the order of additions could matter."""
    events = input_events(values, values.shape[1], FORWARD_DENSITY)
    if events is not None:
        return Arrivals(shape, values, weight, events)
    if exact_sums(values, values.shape[1]):
        product = torch.matmul(values.transpose(1, 2), weight.t())
        return Arrivals(shape, real=product.transpose(1, 2))
    return None


def quantised_weight(synapse: Any, neuron: Any, device: torch.device) -> torch.Tensor | None:
    """Weights (neurons, inputs) as the synapse uses them; None where not on `device` in the neuron's 8 bits."""
    weight = quantised(synapse, slayer.synapse.Dense, neuron, device)
    return None if weight is None else weight.flatten(1)


def quantised(synapse: Any, kind: Any, neuron: Any, device: torch.device) -> torch.Tensor | None:
    """Weights of a synapse of this kind, as it uses them; None where not on `device` in the neuron's 8 bits."""
    if type(synapse) is not kind or not _has_known_hooks(synapse):
        return None
    if synapse.pre_hook_fx != neuron.quantize_8bit or not _is_plain(synapse.weight, device):
        return None
    for hook in synapse._forward_pre_hooks.values():
        hook(synapse, ())
    weight: torch.Tensor = neuron.quantize_8bit(synapse.weight)
    return weight if bool(weight.detach().sum().isfinite()) else None


def _is_plain(weight: torch.Tensor, device: torch.device) -> bool:
    return (weight.device, weight.dtype, weight.layout) == (device, torch.float32, torch.strided) and weight.numel() > 0


def _has_known_hooks(synapse: Any) -> bool:
    """Whether the only hooks are those that set the weight before each pass."""
    known = all(isinstance(hook, (WeightNorm, BasePruningMethod)) for hook in synapse._forward_pre_hooks.values())
    return known and not has_hooks(synapse, before=False)


def flattened(values: torch.Tensor, synapse: Any) -> torch.Tensor | None:
    """Inputs of several dimensions as one, where each neuron sees all of them."""
    whole = values.dim() == 5 and tuple(values.shape[2:4]) == tuple(synapse.kernel_size[:2])
    return values.flatten(1, -2) if whole else None


def on_cpu(values: torch.Tensor) -> bool:
    """Whether the kernels can read it."""
    return (
        values.device.type == "cpu"
        and values.dtype == torch.float32
        and values.layout == torch.strided
        and values.numel() > 0
        and not autocast_on_cpu()
    )
