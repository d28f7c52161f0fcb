"""Which layers a SpikeSCR network has, what each reads, and in which step it sends: for the module and its export.

Position t of a sample is sent by a layer in step t + lag.
"""

from collections.abc import Iterator, Sequence

from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.nodes.attention import Attention, TokenSums
from lapilli.training.networks.spikescr.nodes.head import Head
from lapilli.training.networks.spikescr.nodes.node import KEYS, VALID, Node
from lapilli.training.networks.spikescr.nodes.normed import Conv, Dense, Taps
from lapilli.training.networks.spikescr.nodes.rotary import MixedRotary, Rotary
from lapilli.training.networks.spikescr.nodes.sum import Total

SEM, HEAD = "sem", "head"
"""The first layer, and the readout."""


def nodes(config: SpikeScrConfig, n_channels: int, n_classes: int) -> list[Node]:
    """All layers, each behind those that it reads.

    Arguments:
        config: of the network.
        n_channels: of the input, lines not counted.
        n_classes: of the readout.
    """
    padded = VALID if config.convolutions == "centred" else None
    found: list[Node] = [Conv(SEM, ("input",), n_channels, config.width, bias=True, gate=padded, drops=True)]
    stream: tuple[str, ...] = (SEM,)
    for block in range(config.blocks):
        if block:
            name = f"sum_{block + 1}"
            found.append(Total(name, stream, config.width, config.width))
            stream = (name,)
        suffix = f"_{block + 1}" if block else ""
        for part in _block(config, stream, suffix, padded):
            found += part
            stream += (part[-1].name,)
    found.append(Head(HEAD, stream, config.width, n_classes))
    return found


def _block(config: SpikeScrConfig, stream: tuple[str, ...], suffix: str, padded: str | None) -> Iterator[list[Node]]:
    """The parts of a block; the last layer of each joins the stream."""
    attention = _attention(config, stream, suffix)
    yield attention
    stream += (attention[-1].name,)
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
    found: list[Node] = [Dense(f"{name}{suffix}", stream, width, width, bias=True) for name in "qkv"]
    read = [node.name for node in found]
    if config.rotary:
        kind = MixedRotary if config.mixed_axes else Rotary
        found += [kind(f"{name}r{suffix}", (f"{name}{suffix}",), width, width) for name in "qk"]
        read[:2] = [node.name for node in found[-2:]]
    if config.attention == "v1":
        query, key, value = read
        found.append(TokenSums(f"attention{suffix}", (value, query, key), width, width, drops=True))
    else:
        found.append(Attention(f"attention{suffix}", tuple(read), width, width, drops=True))
    found.append(Dense(f"proj{suffix}", (found[-1].name,), width, width, bias=True, drops=True))
    return found


def _feed_forward(config: SpikeScrConfig, stream: tuple[str, ...], name: str) -> list[Node]:
    within = Dense(name.format("a"), stream, config.width, config.hidden, drops=True)
    return [within, Dense(name.format("b"), (within.name,), config.hidden, config.width, drops=True)]


def _convolution(config: SpikeScrConfig, stream: tuple[str, ...], suffix: str, padded: str | None) -> list[Node]:
    width, tapped = config.width, (f"dw{suffix}",)
    found: list[Node] = [
        Dense(f"pw{suffix}", stream, width, width, bias=True, gate=padded, drops=True),
        Taps(tapped[0], (f"pw{suffix}",), width, width, gate=padded, drops=True),
    ]
    gate = f"gate{suffix}" if config.gate else None
    if gate:
        found.append(Dense(f"g{suffix}", tapped, width, width, bias=True))
        found.append(Dense(gate, (f"g{suffix}",), width, width, bias=True))
    found.append(Dense(f"sgc{suffix}", tapped, width, width, bias=True, gate=gate, drops=True))
    return found


def lags(config: SpikeScrConfig, found: Sequence[Node], n_steps: int) -> dict[str, int]:
    """In which step each layer sends what belongs to step 0 of a sample; the last one is the readout's.

    Arguments:
        config: of the network.
        found: its layers, from `nodes`.
        n_steps: of a sample.
    """
    lag = {"input": 0, VALID: 1, KEYS: 1}
    for node in found:
        lag[node.name] = node.lag(lag, config, n_steps)
    return lag
