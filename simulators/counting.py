"""Exact counts from recorded spikes: every event times the non-zero weights it meets. The meaning of the counters."""

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from netx_exports.network import Network
from netx_exports.synapses import INPUT, ConvSynapse, DenseSynapse, Shape, Synapse
from simulators.events import Events
from simulators.results import Counts


def fan_out(synapse: Synapse, source_shape: Shape, shape: Shape) -> npt.NDArray[np.int64]:
    """Non-zero connections of each source neuron, flat in C order.

    Weights that the chip stores as zero (`effective_weights`) do not count; neither do kernel taps that fall outside
    the target at borders and between strides.
    """
    if isinstance(synapse, DenseSynapse):
        return np.count_nonzero(synapse.effective_weights, axis=0).astype(np.int64)
    if isinstance(synapse, ConvSynapse):
        return _conv_fan_out(synapse, source_shape, shape)
    weight = getattr(synapse, "weight", 1)
    return np.full(prod(source_shape), int(weight != 0), np.int64)


def counts_from_spikes(network: Network, spikes: Mapping[str, Events], n_steps: int) -> Counts:
    """Counts of a run from the spikes of the input and of every layer.

    Arguments:
        network: what was run.
        spikes: events of "input" and of each layer, all of the same samples, `n_steps` steps long.
        n_steps: steps that were run.
    """
    n_samples, n_layers = len(spikes[INPUT]), len(network.layers)
    syn_ops, spikes_in, axon_out = (np.zeros((n_samples, n_layers), np.int64) for _ in range(3))
    sent = {name: np.diff(events.offsets) for name, events in spikes.items()}
    for number, layer in enumerate(network.layers):
        for synapse in layer.synapses:
            source = spikes[synapse.source]
            met = fan_out(synapse, network.shapes[synapse.source], layer.shape)[source.neuron]
            running = np.concatenate([[0], np.cumsum(met)])
            syn_ops[:, number] += running[source.offsets[1:]] - running[source.offsets[:-1]]
            spikes_in[:, number] += sent[synapse.source]
        axon_out[:, number] = sent[layer.name] * n_readers(network, layer.name)
    updates = np.array([layer.size * n_steps for layer in network.layers], np.int64)
    return Counts(
        tuple(layer.name for layer in network.layers), syn_ops, np.tile(updates, (n_samples, 1)), spikes_in, axon_out
    )


def n_readers(network: Network, source: str) -> int:
    """Synapses that read a source; a layer that none reads has one reader, the host."""
    return max(1, sum(synapse.source == source for layer in network.layers for synapse in layer.synapses))


def _conv_fan_out(synapse: ConvSynapse, source_shape: Shape, shape: Shape) -> npt.NDArray[np.int64]:
    nonzero = (synapse.effective_weights != 0).reshape(synapse.groups, -1, *np.shape(synapse.weights)[1:]).sum(axis=1)
    taps = nonzero.reshape(source_shape[0], *np.shape(synapse.weights)[2:])  # of each source channel and tap
    reach_y = _tap_reach(synapse, 0, source_shape[1], shape[1])
    reach_x = _tap_reach(synapse, 1, source_shape[2], shape[2])
    return np.einsum("ckl,yk,xl->cyx", taps, reach_y, reach_x).reshape(-1).astype(np.int64)


def _tap_reach(synapse: ConvSynapse, axis: int, size_in: int, size_out: int) -> npt.NDArray[np.int64]:
    """Whether a source position meets a target position through a kernel tap: (positions, taps) of 0 and 1."""
    taps = np.shape(synapse.weights)[2 + axis]
    place = np.arange(size_in)[:, None] + synapse.padding[axis] - synapse.dilation[axis] * np.arange(taps)[None, :]
    target, rest = np.divmod(place, synapse.stride[axis])
    return ((rest == 0) & (target >= 0) & (target < size_out)).astype(np.int64)
