"""From a module of one time step to the network of integers, with the steps in which its layers act.

An image comes in one step, and the next so many steps later as there are windows. Layers of whole maps act once for an
image, layers of windows in every step. A skip path waits until what it is added to is there.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports import Network, Readout
from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.training.networks.one_step.layers import Reach
from lapilli.training.networks.one_step.nodes.head import HEAD

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.network import OneStepNetwork

Integers = npt.NDArray[np.int64]


def exported(module: "OneStepNetwork") -> Network:
    """The network that a module computes in evaluation mode.

    Raises:
        UnsupportedError: for one in floating point.
    """
    if module.config.form == "ann":
        raise UnsupportedError("export", ["network.form: ann is in floating point, for comparison alone"])
    builder = Builder(module, dict(module.phases), {INPUT: module.pixel_unit})
    with torch.no_grad():
        for node in module.nodes:
            neuron, synapses = node.exported(builder)
            clock = Clock(1 if node.windows is not None else module.groups, builder.phases[node.name])
            shape = node.shape[:1] if node.name == HEAD else node.shape
            builder.layers.append(Layer(node.name, shape, neuron, tuple(synapses), clock))
    readout = Readout(module.config.readout)
    return Network(module.input_shape, tuple(builder.layers), {}, module.graded_input, readout)


@dataclass
class Builder:
    """The layers so far, and what further ones need to know of them.

    Arguments:
        module: what is exported.
        phases: of each layer: the step in which it sends what belongs to the first image.
        units: of each layer so far, and of the input: 1.0 is 2^unit in what it sends.
    """

    module: "OneStepNetwork"
    phases: dict[str, int]
    units: dict[str, int]
    layers: list[Layer] = field(default_factory=list)

    @staticmethod
    def integers(values: torch.Tensor, unit: int) -> Integers:
        """Multiples of 2^-unit as whole numbers."""
        return (values.detach().double() * 2.0**unit).numpy().round().astype(np.int64)

    def unit_of(self, name: str) -> int:
        """Of the 8-bit activations of a layer."""
        reach = self.module.reaches[name]
        assert isinstance(reach, Reach)
        return reach.unit

    def waiting(self, name: str, source: str) -> int:
        """Delay by which a layer reads what belongs to its image from an earlier one."""
        return self.phases[name] - self.phases[source] - 1
