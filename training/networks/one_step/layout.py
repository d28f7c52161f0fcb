"""The layers of a network of one time step, in the order in which they run."""

from collections.abc import Iterator

from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.nodes.convolution import Convolution
from lapilli.training.networks.one_step.nodes.head import HEAD, Head
from lapilli.training.networks.one_step.nodes.node import Node
from lapilli.training.networks.one_step.nodes.potentials import PotentialMap, PotentialMerge
from lapilli.training.networks.one_step.nodes.recurrence import WindowRecurrence
from lapilli.training.networks.one_step.nodes.spiking import Encoder, Join, SpikeSum
from lapilli.training.networks.one_step.nodes.window import WindowConvolution
from lapilli.training.networks.one_step.topology import Block, stages

Shape = tuple[int, int, int]


def nodes(config: OneStepConfig, input_shape: Shape, n_classes: int) -> tuple[Node, ...]:
    """All layers.

    Arguments:
        config: of the network.
        input_shape: (channels, side, side) of the images.
        n_classes: of the readout.

    Raises:
        LapilliError: where maps cannot be halved or cut.
    """
    return tuple(_nodes(config, input_shape, n_classes))


def _nodes(config: OneStepConfig, input_shape: Shape, n_classes: int) -> Iterator[Node]:
    source, shape = "input", input_shape
    before: WindowRecurrence | None = None
    for number, stage in enumerate(stages(config, input_shape[1])):
        halved = (stage.width, stage.side, stage.side)
        # Only images are real numbers in a strict network; a sum of spikes is a number of spikes.
        spikes = config.form == "strict" and number > 0
        function = "spike" if config.form == "strict" else "identity"
        name = f"{stage.name}_merge" if number else "stem"
        yield Convolution(name, source, halved, shape[0], 2, 2, function=function, reads_spikes=spikes)
        source, shape = name, halved
        for block in stage.blocks:
            unit = list(_unit(config, block, source, shape, before))
            yield from unit
            before = next((node for node in unit if isinstance(node, WindowRecurrence)), None)
            behind = list((_strict_block if config.form == "strict" else _mixed_block)(config, block, source, shape))
            yield from behind
            source = behind[-1].name
    yield Head(HEAD, source, (n_classes, 1, 1), shape)


def _unit(
    config: OneStepConfig, block: Block, source: str, shape: Shape, before: WindowRecurrence | None
) -> Iterator[Node]:
    """What brings the places of a map together; `before` is that of the block in front, where it is recurrent."""
    if config.form == "ann":
        return _real_unit(block, source, shape)
    if config.mixer == "convolution":
        return _window_unit(config, block, source, shape)
    return _recurrent_unit(config, block, source, shape, before)


def _window_unit(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """Encoder, two convolutions within windows, join."""
    name, cutting = block.name, block.cutting
    first, second = f"{name}_conv1", f"{name}_conv2"
    window = (shape[0], *cutting.window)
    yield Encoder(f"{name}_encoder", source, shape)
    yield WindowConvolution(first, f"{name}_encoder", window, cutting, config.first_carry, second, True)
    yield WindowConvolution(second, first, window, cutting, config.fusion, first, False)
    yield Join(f"{name}_join", second, shape, cutting)


def _recurrent_unit(
    config: OneStepConfig, block: Block, source: str, shape: Shape, before: WindowRecurrence | None
) -> Iterator[Node]:
    """Encoder, a recurrent layer within windows, join; in front, potentials of the block before where they are read."""
    name, cutting, width = block.name, block.cutting, shape[0] * config.directions
    handed = [] if before is None or not config.reads_below else list(_handed(block, before, width))
    yield from handed
    below = handed[-1].name if handed else None
    first, second = f"{name}_encoder", f"{name}_recurrence"
    yield Encoder(first, source, shape)
    window = (width, *cutting.window)
    yield WindowRecurrence(second, first, window, shape[0], config.mixer, cutting, config.fusion, below)
    yield Join(f"{name}_join", second, (width, *shape[1:]), cutting)


def _handed(block: Block, before: WindowRecurrence, width: int) -> Iterator[Node]:
    """The potentials of the block before as a map of this block's size."""
    name, side, channels = f"{block.name}_below", before.cutting.side, before.shape[0]
    yield PotentialMap(name, before.name, (channels, side, side), before.cutting)
    if side != block.cutting.side:
        yield PotentialMerge(f"{name}_merge", name, (width, block.cutting.side, block.cutting.side), channels)


def _mixed_block(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """Behind the window unit: token linear and channel MLP, each added to the real map."""
    name, width, hidden = block.name, shape[0], shape[0] * config.mlp_ratio
    token, inner = f"{name}_token", f"{name}_hidden"
    joined = width * config.mixed_directions
    yield Convolution(token, f"{name}_join", shape, joined, skip=source, reads_spikes=config.form != "ann")
    yield Convolution(inner, token, (hidden, *shape[1:]), width, function=config.activation)
    yield Convolution(f"{name}_mlp", inner, shape, hidden, skip=token)


def _strict_block(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """Likewise with neurons that spike; the map is a sum of spikes."""
    name, width, hidden = block.name, shape[0], shape[0] * config.mlp_ratio
    token, inner, out = f"{name}_token", f"{name}_hidden", f"{name}_out"
    yield Convolution(token, f"{name}_join", shape, width, function="spike", reads_spikes=True)
    yield SpikeSum(f"{name}_sum", token, shape, source)
    yield Convolution(inner, f"{name}_sum", (hidden, *shape[1:]), width, function="spike", reads_spikes=True)
    yield Convolution(out, inner, shape, hidden, function="spike", reads_spikes=True)
    yield SpikeSum(f"{name}_mlp", out, shape, f"{name}_sum")


def _real_unit(block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """In place of a window unit: two convolutions of the whole map, with ReLU."""
    name, width = block.name, shape[0]
    yield Convolution(f"{name}_conv1", source, shape, width, 3, padding=1, function="relu")
    yield Convolution(f"{name}_join", f"{name}_conv1", shape, width, 3, padding=1, function="relu")
