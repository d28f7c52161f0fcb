"""Which layers of a network learn: the last ones, dense and of spiking neurons, with a readout that integrates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import CubaLif, Neuron
from lapilli.netx_exports.synapses.kinds import INPUT, DenseSynapse, Synapse
from lapilli.simulators.learning.config import LearningError


@dataclass(frozen=True, eq=False)
class LearningPart:
    """A network cut in two: layers that stay as they are, and those behind them that learn.

    Arguments:
        network: the whole.
        layers: those that learn, the last ones of the network.
        source: name of the layer, or "input", whose spikes reach the learning layers.
        delays: steps by which the spikes of each of the source's neurons come later; None: none.
    """

    network: Network
    layers: tuple[Layer, ...]
    source: str
    delays: npt.NDArray[np.int64] | None = None

    @property
    def frozen(self) -> Network | None:
        """The layers that do not learn, as a network; None where all learn."""
        n_frozen = len(self.network.layers) - len(self.layers)
        if not n_frozen:
            return None
        return Network(self.network.input_shape, self.network.layers[:n_frozen], {}, self.network.graded_input)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers that learn."""
        return tuple(layer.name for layer in self.layers)


def learning_part(network: Network, layers: Sequence[str | int] | None = None) -> LearningPart:
    """Cut a network for learning.

    Arguments:
        network: the whole.
        layers: names, or numbers from 0, of the layers that learn; None: all where all can, else the last one.

    Raises:
        LearningError: naming each layer that cannot learn, and why.
    """
    if layers is None:
        whole = [layer.name for layer in network.layers]
        return _cut(network, whole if not list(_problems(network, whole)) else whole[-1:])
    return _cut(network, [_name(network, layer) for layer in layers])


def learning_neuron(layer: Layer) -> CubaLif:
    """The neuron of a layer that learns."""
    assert _learning_kind(layer.neuron)
    return layer.neuron


def learning_synapses(layer: Layer) -> tuple[DenseSynapse, ...]:
    """The synapses of a layer that learns."""
    return tuple(synapse for synapse in layer.synapses if _dense(synapse))


def _name(network: Network, layer: str | int) -> str:
    names = [entry.name for entry in network.layers]
    if isinstance(layer, str) and layer in names:
        return layer
    if str(layer).isdecimal() and int(layer) < len(names):
        return names[int(layer)]
    raise LearningError("layers", [f"no layer {layer!r}; layers are {', '.join(names)}"])


def _cut(network: Network, names: Sequence[str]) -> LearningPart:
    if problems := list(_problems(network, names)):
        raise LearningError("layers", problems)
    chosen = tuple(layer for layer in network.layers if layer.name in names)
    outside = [synapse for layer in chosen for synapse in layer.synapses if synapse.source not in names]
    return LearningPart(network, chosen, outside[0].source, _axonal_delays(outside[0]))


def _problems(network: Network, names: Sequence[str]) -> Iterator[str]:
    chosen = [layer for layer in network.layers if layer.name in names]
    if not chosen or chosen != list(network.layers[-len(chosen) :]):
        last = ", ".join(layer.name for layer in network.layers[-max(1, len(chosen)) :])
        yield f"only the last layers of a network learn ({last}), got {', '.join(names) or 'none'}"
        return
    for layer in chosen:
        yield from (f"layer {layer.name!r} {reason}" for reason in _obstacles(layer, names))
    if not chosen[-1].neuron.never_spikes:
        yield f"layer {chosen[-1].name!r} spikes: learning compares the voltages of a readout that never spikes"
    if network.readout is not None and network.readout.classes is not None:
        yield f"several output neurons for each of {network.readout.classes} classes do not learn"
    feeding = [synapse for layer in chosen for synapse in layer.synapses if synapse.source not in names]
    outside = {synapse.source for synapse in feeding}
    delays = {str(_axonal_delays(synapse)) for synapse in feeding}
    if len(delays) > 1:
        yield f"synapses from {feeding[0].source!r} have different delays; those that learn must share them"
    if len(outside) != 1:
        found = ", ".join(sorted(outside)) or "none"
        yield f"learning layers must be fed by one layer that does not learn, got {found}"
    elif outside & network.graded_sources:
        yield f"spikes of {outside.pop()!r} carry values, which the traces do not know"


def _obstacles(layer: Layer, names: Sequence[str]) -> Iterator[str]:
    """Why a layer cannot learn.

    Delays that all connections of a source neuron share are no obstacle where the source does not learn: its spikes
    come later, and the engine sees no delay.
    """
    if not _learning_kind(layer.neuron):
        yield f"has neurons of model {layer.neuron.model}; only {CubaLif.model} learns"
    if layer.clock != EVERY_STEP:
        yield "has a clock; only layers that act in every step learn"
    for synapse in layer.synapses:
        source = INPUT if synapse.source == INPUT else repr(synapse.source)
        if not _dense(synapse):
            yield f"has a {synapse.kind} synapse from {source}; only dense ones learn"
        elif synapse.delays is not None and synapse.source in names:
            yield f"has delays in its synapse from {source}; Lava's engine learns without delays only"
        elif synapse.delays is not None and _axonal_delays(synapse) is None:
            yield f"has a delay for each connection from {source}; only delays of a source neuron's spikes can learn"
        elif synapse.delays is not None and synapse.weight_exp < 0:
            yield f"has delays and a weight exponent below 0 from {source}: sums would be rounded together"


def _learning_kind(neuron: Neuron) -> TypeGuard[CubaLif]:
    return neuron.model == CubaLif.model


def _dense(synapse: Synapse) -> TypeGuard[DenseSynapse]:
    return synapse.kind == DenseSynapse.kind


def _axonal_delays(synapse: Synapse) -> npt.NDArray[np.int64] | None:
    """Delay of each source neuron's spikes, where a dense synapse has one that all its connections share."""
    if not _dense(synapse) or synapse.delays is None:
        return None
    delays = np.broadcast_to(np.asarray(synapse.delays, np.int64), np.shape(synapse.weights))
    return delays[0].copy() if np.all(delays == delays[:1]) else None
