"""From a module of one time step to the network of integers; `lapilli.netx_exports.one_step` lays it out in time."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports import Network, Readout
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.one_step import Part, one_step_network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.training.networks.one_step.layers import Reach
from lapilli.training.networks.one_step.nodes.head import HEAD

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.network import OneStepNetwork

Integers = npt.NDArray[np.int64]


def exported(module: "OneStepNetwork") -> Network:
    """The network that a module computes in evaluation mode.

    Raises:
        UnsupportedError: for one whose configuration has no exported network.
    """
    if module.config.unexportable:
        raise UnsupportedError("export", module.config.unexportable)
    builder = Builder(module, {INPUT: module.pixel_unit})
    with torch.no_grad():
        for node in module.nodes:
            shape = node.shape[:1] if node.name == HEAD else node.shape
            builder.parts.append(Part(node.name, shape, *node.exported(builder)))
    readout = Readout(module.config.readout)
    return one_step_network(
        module.input_shape, builder.parts, module.groups, graded_input=module.graded_input, readout=readout
    )


@dataclass
class Builder:
    """The layers so far, and what further ones need to know of them.

    Arguments:
        module: what is exported.
        units: of each layer so far, and of the input: 1.0 is 2^unit in what it sends.
    """

    module: "OneStepNetwork"
    units: dict[str, int]
    parts: list[Part] = field(default_factory=list)

    @staticmethod
    def integers(values: torch.Tensor, unit: int) -> Integers:
        """Multiples of 2^-unit as whole numbers."""
        return (values.detach().double() * 2.0**unit).numpy().round().astype(np.int64)

    def unit_of(self, name: str) -> int:
        """Of the 8-bit activations of a layer."""
        reach = self.module.reaches[name]
        assert isinstance(reach, Reach)
        return reach.unit
