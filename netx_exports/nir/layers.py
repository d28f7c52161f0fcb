"""Layers of a network from those of a graph: the delays that remain when every connection takes a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.nir.connections import Connection
from lapilli.netx_exports.nir.meaning import implied_steps
from lapilli.netx_exports.synapses.kinds import INPUT, Shape


@dataclass(frozen=True)
class Draft:
    """A layer whose delays are still the graph's."""

    name: str
    shape: Shape
    neuron: CubaLif
    connections: tuple[Connection, ...]


def layers_of(drafts: Sequence[Draft]) -> list[Layer]:
    """The layers, with the delays that remain when every connection takes a step (`nir_meaning.lags`)."""
    biased = any(draft.neuron.has_bias for draft in drafts)
    lag = {INPUT: 0}
    layers = []
    for draft in drafts:
        others = [one for one in draft.connections if one.synapse.source != draft.name]
        lag[draft.name] = 0 if biased else _lag(others, lag)
        delayed = [one.delayed(implied_steps(lag, one.synapse.source, draft.name)) for one in draft.connections]
        synapses = tuple(synapse for synapse in delayed if synapse is not None)
        layers.append(Layer(draft.name, draft.shape, draft.neuron, synapses))
    return layers


def _lag(connections: Sequence[Connection], lag: Mapping[str, int]) -> int:
    """As `nir_meaning.lags`, or more where another framework's graph takes no time on a longer way."""
    reached = [1 + lag[one.synapse.source] for one in connections]
    needed = [1 + lag[one.synapse.source] - one.least_steps for one in connections]
    return max(min(reached), *needed) if reached else 0
