"""Which layers a SpikeSCR network has, what each reads, and in which step it sends: for the module and its export.

Position t of a sample is sent by a layer in step t + lag.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lapilli.training.networks.spikescr.config import SpikeScrConfig

VALID, KEYS, SEM, HEAD = "valid", "keys", "sem", "head"
"""The line that is on while the sample lasts, that of its valid keys, the first layer, and the readout."""

SEM_TAPS = 3

Kind = Literal["conv", "dense", "taps", "rotary", "attention", "sum", "head"]


@dataclass(frozen=True)
class Node:
    """A layer.

    Arguments:
        name: unique in the network.
        kind: of its synapses and neurons.
        reads: the layers that it reads, whose spikes add up; query, key and value of an attention.
        n_inputs: channels of each of `reads`.
        width: its channels.
        bias: whether the published layer has a bias beside its batch norm.
        gate: the layer whose spikes let it receive; VALID: it receives while the sample lasts.
        drops: whether dropout silences some of what it sends in training.
    """

    name: str
    kind: Kind
    reads: tuple[str, ...]
    n_inputs: int
    width: int
    bias: bool = False
    gate: str | None = None
    drops: bool = False


def nodes(config: SpikeScrConfig, n_channels: int, n_classes: int) -> list[Node]:
    """All layers, each behind those that it reads.

    Arguments:
        config: of the network.
        n_channels: of the input, lines not counted.
        n_classes: of the readout.
    """
    padded = VALID if config.convolutions == "centred" else None
    found = [Node(SEM, "conv", ("input",), n_channels, config.width, bias=True, gate=padded, drops=True)]
    stream: tuple[str, ...] = (SEM,)
    for block in range(config.blocks):
        if block:
            name = f"sum_{block + 1}"
            found.append(Node(name, "sum", stream, config.width, config.width))
            stream = (name,)
        suffix = f"_{block + 1}" if block else ""
        for part in _block(config, stream, suffix, padded):
            found += part
            stream += (part[-1].name,)
    found.append(Node(HEAD, "head", stream, config.width, n_classes))
    return found


def _block(config: SpikeScrConfig, stream: tuple[str, ...], suffix: str, padded: str | None) -> Iterator[list[Node]]:
    """The parts of a block; the last layer of each joins the stream."""
    parts = [_attention(config, stream, suffix)]
    yield parts[-1]
    stream += (parts[-1][-1].name,)
    forward = _feed_forward(config, stream, f"ffn1{{}}{suffix}")
    yield forward
    stream += (forward[-1].name,)
    if config.gated_convolution:
        local = _convolution(config, stream, suffix, padded)
        yield local
        stream += (local[-1].name,)
    yield _feed_forward(config, stream, f"ffn2{{}}{suffix}")


def _attention(config: SpikeScrConfig, stream: tuple[str, ...], suffix: str) -> list[Node]:
    width = config.width
    found = [Node(f"{name}{suffix}", "dense", stream, width, width, bias=True) for name in "qkv"]
    read = [node.name for node in found]
    if config.rotary:
        found += [Node(f"{name}r{suffix}", "rotary", (f"{name}{suffix}",), width, width) for name in "qk"]
        read[:2] = [node.name for node in found[-2:]]
    found.append(Node(f"attention{suffix}", "attention", tuple(read), width, width, drops=True))
    found.append(Node(f"proj{suffix}", "dense", (found[-1].name,), width, width, bias=True, drops=True))
    return found


def _feed_forward(config: SpikeScrConfig, stream: tuple[str, ...], name: str) -> list[Node]:
    within = Node(name.format("a"), "dense", stream, config.width, config.hidden, drops=True)
    return [within, Node(name.format("b"), "dense", (within.name,), config.hidden, config.width, drops=True)]


def _convolution(config: SpikeScrConfig, stream: tuple[str, ...], suffix: str, padded: str | None) -> list[Node]:
    width, tapped = config.width, (f"dw{suffix}",)
    found = [
        Node(f"pw{suffix}", "dense", stream, width, width, bias=True, gate=padded, drops=True),
        Node(tapped[0], "taps", (f"pw{suffix}",), width, width, gate=padded, drops=True),
    ]
    gate = f"gate{suffix}" if config.gate else None
    if gate:
        found.append(Node(f"g{suffix}", "dense", tapped, width, width, bias=True))
        found.append(Node(gate, "dense", (f"g{suffix}",), width, width, bias=True))
    found.append(Node(f"sgc{suffix}", "dense", tapped, width, width, bias=True, gate=gate, drops=True))
    return found


def ahead(config: SpikeScrConfig, kind: Kind) -> int:
    """Steps by which the first of a layer's taps in time reads what comes later."""
    centred = config.convolutions == "centred"
    taps = {"conv": SEM_TAPS, "taps": config.kernel}.get(kind, 1)
    return taps // 2 if centred else 0


def lags(config: SpikeScrConfig, found: Sequence[Node], n_steps: int) -> dict[str, int]:
    """In which step each layer sends what belongs to step 0 of a sample; the last one is the readout's.

    Arguments:
        config: of the network.
        found: its layers, from `nodes`.
        n_steps: of a sample.
    """
    lag = {"input": 0, VALID: 1, KEYS: 1}
    for node in found:
        wait = config.waiting(n_steps) if node.kind == "attention" else ahead(config, node.kind)
        arrived = [max(lag[name] for name in node.reads) + 1 + wait]
        if node.gate:
            arrived.append(lag[node.gate] + 1)
        if node.kind == "attention":
            arrived.append(lag[VALID] + 1 + wait)
        lag[node.name] = max(arrived)
    return lag
