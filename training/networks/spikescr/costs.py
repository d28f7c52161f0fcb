"""Spikes and synaptic operations of a SpikeSCR module as tensors, so that a loss can ask for fewer of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from lapilli.training.networks.operations import Costs
from lapilli.training.networks.spikescr.layers import HEAD_UNIT, whole_weights
from lapilli.training.networks.spikescr.topology import Node

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork


def layer_costs(module: "SpikeScrNetwork", sent: Mapping[str, torch.Tensor]) -> Costs:
    """Mean over samples, float64; gradients pass through the spikes.

    Arguments:
        module: whose weights meet the spikes, as integers.
        sent: what each layer sends, (samples, steps, channels), by its name, and the input.
    """
    n_samples = len(sent["input"])
    # Of an input, and of a sum, an event counts once, whatever its value.
    graded = {"input", *(node.name for node in module.nodes if node.kind == "sum")}
    events = {name: ((values != 0) if name in graded else values).double().sum((0, 1)) for name, values in sent.items()}
    of_weights = [(events[source] * _fan_out(module, node)).sum() for node in module.nodes for source in node.reads]
    of_gates = [events[node.gate].sum() for node in module.nodes if node.gate is not None and node.gate in events]
    operations = torch.stack([*of_weights, *of_gates]).sum()
    layers = [of_layer.sum() for name, of_layer in events.items() if name != "input"]
    return Costs(torch.stack(layers).sum() / n_samples, operations / n_samples)


@torch.no_grad()
def _fan_out(module: "SpikeScrNetwork", node: Node) -> torch.Tensor:
    """Weights other than 0 that an event of each source channel meets, float64; 1 or 2 where there are no weights."""
    if node.kind == "head":
        return (whole_weights(module.head, HEAD_UNIT) != 0).double().sum(0)
    if node.kind not in ("conv", "dense", "taps"):
        return torch.full((node.n_inputs,), 2.0 if node.kind == "rotary" else 1.0, dtype=torch.float64)
    layer: Any = module.layers[node.name]
    found = (layer.folded(module.config.largest_threshold).weight != 0).double()
    return found.sum(0) if node.kind == "taps" else found.flatten(0, -2).sum(0)
