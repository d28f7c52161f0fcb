"""What is wrong with the description of a network: everything at once."""

from collections.abc import Iterator, Sequence

from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape
from lapilli.training.networks.config import MAX_GROUPS, ConvConfig, NetworkConfig, Range, conv_shapes, skip_stride

_POSITIVE = (
    "threshold",
    "norm_scale",
    "surrogate_width",
    "surrogate_peak",
    "hidden_weight_scale",
    "readout_weight_scale",
)


def config_problems(config: NetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    """Every value out of its range, and what does not fit the input.

    Arguments:
        config: what is to be built.
        input_shape: (N,) or (C, H, W).
    """
    if any(size < 1 for size in config.hidden):
        yield f"hidden: sizes must be at least 1, got {list(config.hidden)}"
    for name in _POSITIVE:
        if not getattr(config, name) > 0:
            yield f"{name}: must be above 0, got {getattr(config, name)}"
    if not (config.threshold * 64).is_integer():
        yield f"threshold: must be a multiple of 1/64, got {config.threshold}"
    for name in ("current_decay", "voltage_decay", "readout_current_decay", "readout_voltage_decay"):
        if not 0 <= getattr(config, name) <= 1:
            yield f"{name}: must be 0…1, got {getattr(config, name)}"
    for name in ("current_decay_range", "voltage_decay_range"):
        yield from _range_problems(name, getattr(config, name), 1)
    if not 0 <= config.dropout < 1:
        yield f"dropout: must be at least 0 and below 1, got {config.dropout}"
    if not 0 <= config.delays <= MAX_DELAY:
        yield f"delays: must be 0…{MAX_DELAY}, got {config.delays}"
    else:
        yield from _range_problems("initial_delays", config.initial_delays, config.delays)
    if config.through_state and not config.recurrent:
        yield "through_state: is of recurrent layers; recurrent is false"
    if not 0 <= config.bias_exp <= 6:
        yield f"bias_exp: must be 0…6, got {config.bias_exp}"
    scales = [name for name in ("weight_norm", "batch_norm", "learn_threshold") if getattr(config, name)]
    if len(scales) > 1:
        yield f"{' and '.join(scales)}: each learns the scale of the weights, choose one"
    if config.hidden_skips and config.recurrent:
        yield "hidden_skips: is of layers that do not feed themselves; recurrent is true"
    if config.conv:
        yield from _conv_problems(config, input_shape)


def _range_problems(name: str, values: Range | None, largest: float) -> Iterator[str]:
    if values is not None and not 0 <= values[0] <= values[1] <= largest:
        yield f"{name}: must be two values of 0…{largest:g}, the smaller one first, got {list(values)}"


def _conv_problems(config: NetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    before = [
        f"conv {number}: {problem}" for number, layer in enumerate(config.conv) for problem in _out_of_range(layer)
    ]
    yield from before
    if len(input_shape) != 3:
        yield f"conv: needs an input of (channels, rows, columns), got {tuple(input_shape)}"
    if before or len(input_shape) != 3:
        return
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
            yield from _skip_problems(config, number, shapes)


def _skip_problems(config: NetworkConfig, number: int, shapes: Sequence[Shape]) -> Iterator[str]:
    layer = config.conv[number]
    if not 0 < layer.skip <= number:
        yield f"conv {number}: skip: must be 0…{number}, got {layer.skip}"
        return
    stride = skip_stride(config, number)
    sides = layer.sides(shapes[number][1:])
    reached = tuple((side - 1) // stride + 1 for side in shapes[number - layer.skip][1:])
    if reached != sides:
        yield f"conv {number}: skip: comes out as {reached} rows and columns, the layer has {sides}"


def _out_of_range(layer: ConvConfig) -> Iterator[str]:
    for name in ("channels", "kernel", "stride", "pool"):
        if getattr(layer, name) < 1:
            yield f"{name}: must be at least 1, got {getattr(layer, name)}"
    if layer.margin < 0:
        yield f"padding: must be at least 0, got {layer.padding}"
    if not 1 <= layer.groups <= MAX_GROUPS:
        yield f"groups: must be 1…{MAX_GROUPS}, got {layer.groups}"
