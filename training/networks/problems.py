"""What of the description of a network does not fit its input: everything at once."""

from collections.abc import Iterator, Sequence

from lapilli.netx_exports.synapses.kinds import Shape
from lapilli.training.networks.config import NetworkConfig, conv_shapes, skip_stride


def misfits(config: NetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    """Convolutions that do not fit the input, or each other.

    Arguments:
        config: what is to be built.
        input_shape: (N,) or (C, H, W).
    """
    if config.conv and len(input_shape) != 3:
        yield f"conv: needs an input of (channels, rows, columns), got {tuple(input_shape)}"
    elif config.conv:
        yield from _conv_misfits(config, input_shape)


def _conv_misfits(config: NetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    shapes = [tuple(input_shape), *conv_shapes(config, input_shape)]
    for number, (layer, below, shape) in enumerate(zip(config.conv, shapes, shapes[1:])):
        if below[0] % layer.groups or layer.channels % layer.groups:
            yield f"conv {number}: groups: {layer.groups} must divide the channels {below[0]} and {layer.channels}"
        sides = layer.sides(below[1:])
        if any(side % layer.pool for side in sides):
            yield f"conv {number}: pool: {layer.pool} must divide the {sides[0]} rows and {sides[1]} columns"
        if min(shape) < 1:
            yield f"conv {number}: nothing is left of {below[1]} rows and {below[2]} columns"
            return
        if layer.skip:
            yield from _skip_misfits(config, number, shapes)


def _skip_misfits(config: NetworkConfig, number: int, shapes: Sequence[Shape]) -> Iterator[str]:
    layer = config.conv[number]
    if not 0 < layer.skip <= number:
        yield f"conv {number}: skip: must be 0…{number}, got {layer.skip}"
        return
    stride = skip_stride(config, number)
    sides = layer.sides(shapes[number][1:])
    reached = tuple((side - 1) // stride + 1 for side in shapes[number - layer.skip][1:])
    if reached != sides:
        yield f"conv {number}: skip: comes out as {reached} rows and columns, the layer has {sides}"
