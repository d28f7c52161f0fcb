"""Networks that know nothing yet, for learning from the first sample on."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod, sqrt

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES, CubaLif
from lapilli.netx_exports.neurons.kinds import Neuron
from lapilli.netx_exports.readout import Readout, other_metadata
from lapilli.netx_exports.synapses.kinds import INPUT, DenseSynapse
from lapilli.simulators.learning.learner import with_readout

_SPREAD = 240.0
"""Standard deviation of all weights of a neuron together: that of a sum of as many spikes as it has inputs."""

_MAX_WEIGHTS = 1 << 26
"""Events may come from strangers, and their shape and classes decide how much memory is taken."""

_MAX_LAYERS = 65
"""With the input."""

_HIDDEN = CubaLif(vth_mant=64, current_decay=2048, voltage_decay=200)
_READOUT = CubaLif(vth_mant=NEVER_SPIKES, current_decay=4096, voltage_decay=0)


def fresh_network(shape: Sequence[int], hidden: Sequence[int], n_classes: int, seed: int) -> Network:
    """Dense layers of random 8-bit weights, and a readout that decides by the sum of its voltages.

    Arguments:
        shape: of the input.
        hidden: neurons of each hidden layer.
        n_classes: neurons of the readout.
        seed: of the weights.

    Raises:
        LapilliError: without classes, for a layer without neurons, for too many layers or weights.
    """
    sizes = [prod(shape), *hidden, n_classes]
    if min(sizes) < 1 or n_classes < 2:
        raise LapilliError(f"new: every layer needs a neuron, and the readout 2 classes, got {sizes}")
    if len(sizes) > _MAX_LAYERS:
        raise LapilliError(f"new: at most {_MAX_LAYERS} layers, got {len(sizes) - 1}")
    if sum(size * below for below, size in pairwise(sizes)) > _MAX_WEIGHTS:
        raise LapilliError(f"new: at most {_MAX_WEIGHTS:,} weights, got layers of {sizes}")
    generator = np.random.default_rng(seed)
    layers: list[Layer] = []
    for number, (below, size) in enumerate(pairwise(sizes), 1):
        last = number == len(sizes) - 1
        weights = 2 * np.rint(generator.normal(0, _SPREAD / sqrt(below) / 2, (size, below)))
        source = layers[-1].name if layers else INPUT
        synapse = DenseSynapse(source, np.clip(weights, -256, 254).astype(np.int16))
        name = "readout" if last else f"hidden{number}"
        layers.append(Layer(name, (size,), _READOUT if last else _HIDDEN, (synapse,)))
    return with_readout(Network(tuple(shape), tuple(layers)))


def with_new_readout(network: Network, n_classes: int) -> Network:
    """The network with a readout of weights 0 in place of its last layer, deciding by the sum of its voltages.

    Its decays are those of the old readout where all its neurons share them.

    Arguments:
        network: of which the last layer is left out.
        n_classes: neurons of the new one.

    Raises:
        LapilliError: with fewer than 2 classes; where the last layer has not exactly one source below it.
    """
    last, sources = network.output, {synapse.source for synapse in network.output.synapses}
    if n_classes < 2:
        raise LapilliError(f"new readout: needs 2 classes, got {n_classes}")
    if len(sources) != 1 or last.name in sources:
        found = ", ".join(map(repr, sorted(sources)))
        raise LapilliError(f"new readout: layer {last.name!r} must have one source below it, got {found}")
    (source,) = sources
    neuron = last.neuron if _fits_any_size(last.neuron) else _READOUT
    weights = np.zeros((n_classes, prod(network.shapes[source])), np.int16)
    readout = Layer(last.name, (n_classes,), neuron, (DenseSynapse(source, weights),))
    layers = (*network.layers[:-1], readout)
    return replace(network, layers=layers, readout=Readout("voltage_sum"), metadata=other_metadata(network.metadata))


def _fits_any_size(neuron: Neuron) -> bool:
    """Whether it is of the kind that learns, never spikes, and has one number for all neurons in each field."""
    fields = ("vth_mant", "current_decay", "voltage_decay", "bias_mant")
    fits = neuron.model == CubaLif.model and neuron.never_spikes
    return fits and all(np.ndim(getattr(neuron, field)) == 0 for field in fields)
