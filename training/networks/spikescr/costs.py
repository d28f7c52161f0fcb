"""Spikes and synaptic operations of a SpikeSCR module as tensors, so that a loss can ask for fewer of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from lapilli.training.networks.operations import Costs

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
    graded = {"input", *(node.name for node in module.nodes if node.graded)}
    events = {name: ((values != 0) if name in graded else values).double().sum((0, 1)) for name, values in sent.items()}
    with torch.no_grad():
        met = {node.name: node.fan_out(module) for node in module.nodes}
    of_weights = [(events[source] * met[node.name]).sum() for node in module.nodes for source in node.reads]
    of_gates = [events[node.gate].sum() for node in module.nodes if node.gate is not None and node.gate in events]
    operations = torch.stack([*of_weights, *of_gates]).sum()
    layers = [of_layer.sum() for name, of_layer in events.items() if name != "input"]
    return Costs(torch.stack(layers).sum() / n_samples, operations / n_samples)
