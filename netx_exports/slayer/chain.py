"""The chain of layers that SLAYER's blocks make, and where the delays of its layers go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.slayer.parts import Reading, read_delays
from lapilli.netx_exports.synapses.kinds import INPUT, MAX_DELAY, Shape, Synapse


@dataclass(frozen=True)
class Output:
    """What a block leaves for those that read it; attributes are those of `BlockChain`."""

    source: str
    shape: Shape | None
    flat: bool
    pending: IntArray | None
    pending_from: str


@dataclass
class BlockChain:
    """The network as read so far.

    Arguments:
        input_shape: shape of the input; None until a block tells it.
        names: names of the layers as the caller wants them; None: default names.
        problems: what has no exact integer form.
        shape: shape of what the next block reads; None where a problem hides it.
        source: name of what the next block reads.
        flat: whether a Flatten came after `source`.
        pending: delays of `source`, one for each neuron, that the synapses reading it have to take over.
        pending_from: the block whose delays these are.
        n_layers: layers so far, those with problems included.
        layers: layers without problems.
        block_types: NetX's type of every block, in order.
        transform: parameters of the Input block.
        outputs: what each block left, in order.
    """

    input_shape: Shape | None
    names: Sequence[str] | None
    problems: list[str] = field(default_factory=list)
    shape: Shape | None = None
    source: str = INPUT
    flat: bool = False
    pending: IntArray | None = None
    pending_from: str = ""
    n_layers: int = 0
    layers: list[Layer] = field(default_factory=list)
    block_types: list[str] = field(default_factory=list)
    transform: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape = self.input_shape

    @property
    def output(self) -> Output:
        """What the block that was read last leaves."""
        return Output(self.source, self.shape, self.flat, self.pending, self.pending_from)

    def go_back(self, blocks: int) -> None:
        """Let the next synapse read what was left so many blocks ago; 1: by the block before."""
        whole_input = Output(INPUT, self.input_shape, False, None, "")
        found = [whole_input, *self.outputs][-blocks]
        self.source, self.shape, self.flat = found.source, found.shape, found.flat
        self.pending, self.pending_from = found.pending, found.pending_from

    def assume_input(self, shape: Shape) -> None:
        """Take `shape` for the input's where nothing said it yet."""
        if self.input_shape is None and self.source == INPUT:
            self.input_shape = self.shape = shape

    def lose(self) -> None:
        """Go on behind a block that could not be read: what follows is checked on its own only."""
        self.source, self.shape, self.flat, self.pending = "?", None, False, None

    def next_name(self, kind: str) -> str:
        """Name of the layer that is added next."""
        number = self.n_layers
        return self.names[number] if self.names is not None and number < len(self.names) else f"{kind}{number + 1}"

    def add(self, name: str, shape: Shape | None, neuron: CubaLif | None, synapses: Iterable[Synapse | None]) -> None:
        """Append a layer, or only its shape where problems hide the rest."""
        self.n_layers += 1
        parts = list(synapses)
        complete = tuple(part for part in parts if part is not None)
        if shape is not None and neuron is not None and len(complete) == len(parts):
            self.layers.append(Layer(name, shape, neuron, complete))
        self.source, self.shape, self.flat = name, shape, False


def split_delays(reading: Reading, block: Any, bias: IntArray) -> tuple[IntArray | None, IntArray | None]:
    """(delays for the layer's own synapses, delays for the synapses that read the layer).

    SLAYER delays what leaves a layer. Without a bias the layer's answer to its delayed input is its delayed answer;
    with a bias it is not.
    """
    delays = None if block.delay is None else read_delays(reading, block.delay)
    return (None, delays) if np.any(bias) else (delays, None)


def dense_delays(
    reading: Reading, chain: BlockChain, weights: IntArray | None, own: IntArray | None
) -> IntArray | None:
    """Delays of a dense synapse: its layer's own and those that it takes over from its source; None: none."""
    delays = np.zeros((1, 1), np.int16) if own is None else own.reshape(-1, 1)
    if chain.pending is not None:
        if weights is not None and chain.pending.size != weights.shape[1]:
            reading.problem(f"needs {chain.pending.size} sources to take over the delays of {chain.source!r}")
            chain.pending = None
            return None
        delays = delays + chain.pending.reshape(1, -1)
        chain.pending = None
        if delays.max() > MAX_DELAY:
            reading.problem(
                f"delays of {chain.source!r} and its own must be at most {MAX_DELAY} together, got {delays.max()}"
            )
            return None
    return delays if np.any(delays) else None


def leave_pending(reading: Reading, chain: BlockChain, delays: IntArray | None) -> None:
    """Leave delays of the layer that was added last to the synapses that read it."""
    if delays is None or not np.any(delays) or chain.shape is None:
        return
    positions = prod(chain.shape) // delays.size
    chain.pending, chain.pending_from = np.repeat(delays, positions), reading.where
