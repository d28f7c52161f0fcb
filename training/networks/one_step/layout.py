"""The layers of a network of one time step, in the order in which they run."""

from collections.abc import Iterator

from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.nodes.convolution import Convolution
from lapilli.training.networks.one_step.nodes.head import HEAD, Head
from lapilli.training.networks.one_step.nodes.node import Node
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
    for number, stage in enumerate(stages(config, input_shape[1])):
        halved = (stage.width, stage.side, stage.side)
        # Only images are real numbers in a strict network; a sum of spikes is a number of spikes.
        spikes = config.form == "strict" and number > 0
        function = "spike" if config.form == "strict" else "identity"
        name = f"{stage.name}_merge" if number else "stem"
        yield Convolution(name, source, halved, shape[0], 2, 2, function=function, reads_spikes=spikes)
        source, shape = name, halved
        for block in stage.blocks:
            found = list(_block(config, block, source, shape))
            yield from found
            source = found[-1].name
    yield Head(HEAD, source, (n_classes, 1, 1), shape)


def _block(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    real, strict = config.form == "ann", config.form == "strict"
    yield from _real_unit(block, source, shape) if real else _window_unit(config, block, source, shape)
    yield from (_strict_block if strict else _mixed_block)(config, block, source, shape)


def _window_unit(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """Encoder, two convolutions within windows, join."""
    name, cutting = block.name, block.cutting
    first, second = f"{name}_conv1", f"{name}_conv2"
    window = (shape[0], *cutting.window)
    yield Encoder(f"{name}_encoder", source, shape)
    yield WindowConvolution(first, f"{name}_encoder", window, cutting, config.first_carry, second, True)
    yield WindowConvolution(second, first, window, cutting, config.fusion, first, False)
    yield Join(f"{name}_join", second, shape, cutting)


def _mixed_block(config: OneStepConfig, block: Block, source: str, shape: Shape) -> Iterator[Node]:
    """Behind the window unit: token linear and channel MLP, each added to the real map."""
    name, width, hidden = block.name, shape[0], shape[0] * config.mlp_ratio
    token, inner = f"{name}_token", f"{name}_hidden"
    yield Convolution(token, f"{name}_join", shape, width, skip=source, reads_spikes=config.form != "ann")
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
