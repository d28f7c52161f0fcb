"""Exact counts from recorded spikes: every event times the non-zero weights it meets. The meaning of the counters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, Shape, Synapse
from lapilli.simulators.events import Events
from lapilli.simulators.results import Counts, SynapseName

Int64 = npt.NDArray[np.int64]


def fan_out(synapse: Synapse, source_shape: Shape, shape: Shape) -> Int64:
    """Non-zero connections of each source neuron, flat in C order.

    Weights that the chip stores as zero (`effective_weights`) do not count; neither do kernel taps that fall outside
    the target at borders and between strides.
    """
    if isinstance(synapse, DenseSynapse):
        return np.count_nonzero(synapse.effective_weights, axis=0).astype(np.int64)
    if isinstance(synapse, ConvSynapse):
        return _conv_fan_out(synapse, synapse.effective_weights != 0, source_shape, shape)
    weight = getattr(synapse, "weight", 1)
    return np.full(prod(source_shape), int(weight != 0), np.int64)


def connections(synapse: Synapse, source_shape: Shape, shape: Shape) -> Int64:
    """Connections of each source neuron, those of weight zero too, flat in C order.

    What a dense network computes. Kernel taps that fall outside the target are none.
    """
    if isinstance(synapse, DenseSynapse):
        return np.full(prod(source_shape), prod(shape), np.int64)
    if isinstance(synapse, ConvSynapse):
        return _conv_fan_out(synapse, np.ones(np.shape(synapse.weights), np.bool_), source_shape, shape)
    return np.ones(prod(source_shape), np.int64)


def counts_from_spikes(network: Network, spikes: Mapping[str, Events], n_steps: int) -> Counts:
    """Counts of a run from the spikes of the input and of every layer.

    Arguments:
        network: what was run.
        spikes: events of "input" and of each layer, all of the same samples, `n_steps` steps long.
        n_steps: steps that were run.
    """
    sources = [spikes[name] for name in network.shapes]
    return counts_of(
        network,
        n_steps,
        sent=np.stack([np.diff(events.offsets) for events in sources], axis=1).astype(np.int64),
        payload_bits=np.stack(
            [_of_samples(_payloads(network, name, spikes[name]), spikes[name]) for name in network.shapes], axis=1
        ),
        synapse_ops=np.stack(
            [_of_samples(met[spikes[source].neuron], spikes[source]) for source, met in _fan_outs(network)], axis=1
        ),
        neuron_events=tuple(
            np.bincount(events.neuron, minlength=events.n_neurons).astype(np.int64) for events in sources
        ),
    )


def counts_of(
    network: Network,
    n_steps: int,
    *,
    sent: Int64,
    payload_bits: Int64,
    synapse_ops: Int64,
    neuron_events: tuple[Int64, ...],
) -> Counts:
    """Counts of a run of `n_steps` steps, from what was counted; arguments as of `Counts`."""
    updates = np.array([layer.size * n_steps for layer in network.layers], np.int64)
    return Counts(
        layers=tuple(layer.name for layer in network.layers),
        synapses=synapse_names(network),
        dendrite_updates=np.tile(updates, (len(sent), 1)),
        sent=sent,
        payload_bits=payload_bits,
        synapse_ops=synapse_ops,
        neuron_events=neuron_events,
    )


_PER_SAMPLE = ("dendrite_updates", "sent", "payload_bits", "synapse_ops")


def join_counts(parts: Sequence[Counts]) -> Counts:
    """Counts of all samples of several runs of one network.

    Raises:
        LapilliError: when there are none, or they are of different networks.
    """
    if len({(part.layers, part.synapses) for part in parts}) != 1:
        raise LapilliError("counts: must be one or more, all of the same network")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_SAMPLE}
    neuron_events = tuple(np.sum(of_source, axis=0) for of_source in zip(*(part.neuron_events for part in parts)))
    return Counts(parts[0].layers, parts[0].synapses, **joined, neuron_events=neuron_events)


def summed_counts(counts: Counts) -> Counts:
    """Counts of all samples as if they were one: a row of sums in place of a row for each."""
    sums: dict[str, Any] = {name: getattr(counts, name).sum(axis=0, keepdims=True) for name in _PER_SAMPLE}
    return replace(counts, **sums)


def check_counts(network: Network, counts: Counts) -> None:
    """Refuse counts that cannot be billed.

    Raises:
        LapilliError: naming what is wrong.
    """
    if counts.layers != tuple(layer.name for layer in network.layers) or counts.synapses != synapse_names(network):
        raise LapilliError("counts: of another network, layers or synapses differ")
    if not len(counts):
        raise LapilliError("counts: of no sample, nothing to bill")
    sources, layers = len(network.shapes), len(network.layers)
    columns = {"dendrite_updates": layers, "sent": sources, "payload_bits": sources}
    for name, width in (columns | {"synapse_ops": len(counts.synapses)}).items():
        counter = getattr(counts, name)
        if counter.shape != (len(counts), width):
            raise LapilliError(f"counts: {name}: shape must be {(len(counts), width)}, got {counter.shape}")
        if counter.dtype.kind not in "iu" or (counter < 0).any():
            raise LapilliError(f"counts: {name}: must be whole numbers of at least 0")
    sizes = [len(events) for events in counts.neuron_events]
    if sizes != [network.n_inputs, *(layer.size for layer in network.layers)]:
        raise LapilliError(f"counts: neuron_events: one for each neuron of the input and of each layer, got {sizes}")


def n_steps_of(network: Network, counts: Counts) -> int:
    """Steps of each sample that the counts are of."""
    return int(counts.dendrite_updates[0, 0]) // network.layers[0].size


def synapse_names(network: Network) -> tuple[SynapseName, ...]:
    """All synapses of a network, layer by layer, as `Counts` lists them."""
    return tuple(
        SynapseName(layer.name, index, synapse.source, synapse.kind)
        for layer in network.layers
        for index, synapse in enumerate(layer.synapses)
    )


@dataclass(frozen=True)
class StepCounts:
    """Exact activity of each sample in each step.

    Arguments:
        sent: events that the input and each layer sent: int64, (samples, 1 + layers, steps).
        synapse_ops: as in `Counts`: int64, (samples, synapses, steps).
    """

    sent: Int64
    synapse_ops: Int64


def step_counts(network: Network, spikes: Mapping[str, Events], n_steps: int) -> StepCounts:
    """Counts of each step; arguments as of `counts_from_spikes`. Their sums over the steps are `Counts`'."""
    sent = [_of_steps(np.ones(spikes[name].n_events, np.int64), spikes[name], n_steps) for name in network.shapes]
    ops = [_of_steps(met[spikes[source].neuron], spikes[source], n_steps) for source, met in _fan_outs(network)]
    return StepCounts(np.stack(sent, axis=1), np.stack(ops, axis=1))


def payload_bits(values: npt.NDArray[np.integer[Any]]) -> Int64:
    """Bits of the shortest two's complement that holds each value: 1 for 0 and -1, 2 for 1 and -2, 8 for 127."""
    wide = values.astype(np.int64)
    return np.frexp((wide ^ (wide >> 63)).astype(np.float64))[1].astype(np.int64) + 1


def _payloads(network: Network, source: str, events: Events) -> Int64:
    """Payload bits of each event of a source."""
    if source not in network.graded_sources:
        return np.zeros(events.n_events, np.int64)
    return payload_bits(np.ones(events.n_events, np.int32) if events.value is None else events.value)


def _fan_outs(network: Network) -> Iterator[tuple[str, Int64]]:
    """Source of each synapse, and the non-zero connections of each of the source's neurons."""
    for layer in network.layers:
        for synapse in layer.synapses:
            yield synapse.source, fan_out(synapse, network.shapes[synapse.source], layer.shape)


def _of_samples(amounts: Int64, events: Events) -> Int64:
    """Sum over the events of each sample."""
    running = np.concatenate([[0], np.cumsum(amounts)])
    return running[events.offsets[1:]] - running[events.offsets[:-1]]


def _of_steps(amounts: Int64, events: Events, n_steps: int) -> Int64:
    """Sum over the events of each step of each sample, (samples, steps)."""
    place = events.sample_of_event.astype(np.int64) * n_steps + events.step
    # bincount adds in float64, which is exact below 2^53.
    summed = np.bincount(place, weights=amounts, minlength=len(events) * n_steps)
    return summed.astype(np.int64).reshape(len(events), n_steps)


def _conv_fan_out(synapse: ConvSynapse, counted: npt.NDArray[np.bool_], source_shape: Shape, shape: Shape) -> Int64:
    """Targets of each source position, of the weights that are `counted`."""
    of_groups = counted.reshape(synapse.groups, -1, *np.shape(synapse.weights)[1:]).sum(axis=1)
    taps = of_groups.reshape(source_shape[0], *np.shape(synapse.weights)[2:])  # of each source channel and tap
    reach_y = _tap_reach(synapse, 0, source_shape[1], shape[1])
    reach_x = _tap_reach(synapse, 1, source_shape[2], shape[2])
    return np.einsum("ckl,yk,xl->cyx", taps, reach_y, reach_x).reshape(-1).astype(np.int64)


def _tap_reach(synapse: ConvSynapse, axis: int, size_in: int, size_out: int) -> Int64:
    """Whether a source position meets a target position through a kernel tap: (positions, taps) of 0 and 1."""
    taps = np.shape(synapse.weights)[2 + axis]
    place = np.arange(size_in)[:, None] + synapse.padding[axis] - synapse.dilation[axis] * np.arange(taps)[None, :]
    target, rest = np.divmod(place, synapse.stride[axis])
    return ((rest == 0) & (target >= 0) & (target < size_out)).astype(np.int64)
