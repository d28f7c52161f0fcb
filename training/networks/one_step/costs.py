"""What a network of one time step costs: events and operations of a batch, products of an image, the paper's energy."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sin
from typing import TYPE_CHECKING

import torch

from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.training.networks.one_step.config import Mixer, OneStepConfig
from lapilli.training.networks.one_step.layout import nodes
from lapilli.training.networks.one_step.nodes.recurrence import GATES, WindowRecurrence
from lapilli.training.networks.operations import Costs

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.network import OneStepNetwork

ADDITION_PJ, PRODUCT_PJ = 0.9, 4.6
"""Energy of an addition and of a multiplication with addition, in pJ, at 45 nm, as the paper has them."""

_GATE_PRODUCTS: Mapping[Mixer, int] = {"lstm": 4, "rnn": 0, "gru": 4}
"""Products and sums of a unit's gates with its memory, and the activation of the latter."""


@dataclass(frozen=True)
class Products:
    """Products of an image where nothing is sparse.

    Arguments:
        of_spikes: of a weight with a spike, which are additions where there is one.
        of_reals: of a weight with a real number.
    """

    of_spikes: int
    of_reals: int

    @property
    def total(self) -> int:
        """All of them: multiply-accumulates of the same network without spikes."""
        return self.of_spikes + self.of_reals


def products(config: OneStepConfig, input_shape: tuple[int, int, int], n_classes: int) -> Products:
    """Count the products of a network; overlapping windows count as often as they are computed.

    Arguments:
        config: of the network.
        input_shape: (channels, side, side) of the images.
        n_classes: of the readout.
    """
    channels, found = {INPUT: input_shape[0]}, [0, 0]
    for node in nodes(config, input_shape, n_classes):
        for kind, number in enumerate(node.products(channels[node.reads])):
            found[kind] += number
        channels[node.name] = node.shape[0]
    return Products(*found)


def gate_operations(config: OneStepConfig, input_shape: tuple[int, int, int], n_classes: int) -> int:
    """Operations of recurrent layers element by element, of an image: biases, activations, products of gates.

    They are counted as thop does, which the authors used: an activation is one, and each gate has two biases.

    Arguments:
        config, input_shape, n_classes: as of `products`.
    """
    found = 0
    for node in nodes(config, input_shape, n_classes):
        if isinstance(node, WindowRecurrence):
            found += node.cutting.places * node.shape[0] * (3 * GATES[node.mixer] + _GATE_PRODUCTS[node.mixer])
    return found


def printed_energy(additions: float, multiplications: float) -> float:
    """Energy by the convention behind the paper's Table 2, in the unit of the numbers times 1 pJ.

    Each multiplication counts 4.6 pJ, which has its addition within, and each addition counts 0.9 pJ beside it: so a
    multiply-accumulate of an ANN costs 5.5 pJ. With the table's numbers in millions the result is in µJ; the paper
    prints a unit 1,000 times as large.

    Arguments:
        additions, multiplications: their numbers.
    """
    return ADDITION_PJ * additions + PRODUCT_PJ * multiplications


def over_activation(theta: float, threshold: float = 0.5) -> float:
    """S(theta): the over-activation that a projection leaves, over potentials of one to two thresholds, as published.

    `16 sin(3 θ π th / 2) sin²(θ π th / 4) / (θ² π²)`, from the section "over-activation" of the paper and its
    supplement; the plane without a projection has `3 th³`.

    Arguments:
        theta: of the projection.
        threshold: of the neurons.
    """
    angle = theta * pi * threshold
    return 16 * sin(1.5 * angle) * sin(angle / 4) ** 2 / (theta * pi) ** 2


def layer_costs(module: "OneStepNetwork", image: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
    """Mean over samples, float64; gradients pass through the spikes.

    Arguments:
        module: whose weights meet the events, as integers.
        image: (samples, channels, rows, columns).
        answers: of the module.
    """
    n_samples = len(image)
    if module.config.unexportable:
        met = products(module.config, module.input_shape, module.n_classes).total
        return Costs(torch.zeros((), dtype=torch.float64), torch.tensor(float(met), dtype=torch.float64))
    network = module.export()
    graded = {layer.name for layer in network.layers if layer.neuron.graded}
    events = {INPUT: (image != 0).double().sum(0).flatten()}
    for node, values in zip(module.nodes[:-1], answers):
        # Of a number an event counts once, whatever its value.
        fired = values != 0 if node.name in graded else values
        by_place = fired.double().sum((0, 1) if node.windows is not None else 0)
        events[node.name] = by_place.permute(2, 0, 1).flatten()
    operations = torch.zeros((), dtype=torch.float64)
    for layer in network.layers:
        for synapse in layer.synapses:
            fan_out = synapse.fan_out(network.shapes[synapse.source], layer.shape)
            operations = operations + (events[synapse.source] * torch.from_numpy(fan_out)).sum()
    layers = torch.stack([of_layer.sum() for name, of_layer in events.items() if name != INPUT])
    return Costs(layers.sum() / n_samples, operations / n_samples)
