"""Exact counts from recorded spikes: every event times the non-zero weights it meets. The meaning of the counters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.simulators.results import Counts, SynapseName

Int64 = npt.NDArray[np.int64]


NOTHING_NAMED: Mapping[str, Int64] = MappingProxyType({})


def counts_from_spikes(
    network: Network, spikes: Mapping[str, Events], n_steps: int, named: Mapping[str, Int64] = NOTHING_NAMED
) -> Counts:
    """Counts of a run from the spikes of the input and of every layer.

    Arguments:
        network: what was run.
        spikes: events of "input" and of each layer, all of the same samples, `n_steps` steps long.
        n_steps: steps that were run.
        named: counts of the network's `counters`, which no spikes tell; as of `Counts`.
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
        named=named,
    )


def counts_of(
    network: Network,
    n_steps: int,
    *,
    sent: Int64,
    payload_bits: Int64,
    synapse_ops: Int64,
    neuron_events: tuple[Int64, ...],
    named: Mapping[str, Int64] = NOTHING_NAMED,
) -> Counts:
    """Counts of a run of `n_steps` steps, from what was counted; arguments as of `Counts`."""
    updates = np.array([layer.size * layer.clock.steps_within(n_steps) for layer in network.layers], np.int64)
    return Counts(
        layers=tuple(layer.name for layer in network.layers),
        synapses=synapse_names(network),
        dendrite_updates=np.tile(updates, (len(sent), 1)),
        sent=sent,
        payload_bits=payload_bits,
        synapse_ops=synapse_ops,
        neuron_events=neuron_events,
        named=named,
        n_steps=n_steps,
    )


_PER_SAMPLE = ("dendrite_updates", "sent", "payload_bits", "synapse_ops")


def join_counts(parts: Sequence[Counts]) -> Counts:
    """Counts of all samples of several runs of one network.

    Raises:
        LapilliError: when there are none, or they are of different networks.
    """
    if len({(part.layers, part.synapses, tuple(part.named)) for part in parts}) != 1:
        raise LapilliError("counts: must be one or more, all of the same network")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_SAMPLE}
    neuron_events = tuple(np.sum(of_source, axis=0) for of_source in zip(*(part.neuron_events for part in parts)))
    named = {name: np.concatenate([part.named[name] for part in parts]) for name in parts[0].named}
    first = parts[0]
    return Counts(
        first.layers, first.synapses, **joined, neuron_events=neuron_events, named=named, n_steps=first.n_steps
    )


def summed_counts(counts: Counts) -> Counts:
    """Counts of all samples as if they were one: a row of sums in place of a row for each."""
    sums: dict[str, Any] = {name: getattr(counts, name).sum(axis=0, keepdims=True) for name in _PER_SAMPLE}
    named = {name: counter.sum(axis=0, keepdims=True) for name, counter in counts.named.items()}
    return replace(counts, **sums, named=named)


def check_counts(network: Network, counts: Counts) -> None:
    """Refuse counts that cannot be billed.

    Raises:
        LapilliError: naming what is wrong.
    """
    if counts.layers != tuple(layer.name for layer in network.layers) or counts.synapses != synapse_names(network):
        raise LapilliError("counts: of another network, layers or synapses differ")
    if not len(counts):
        raise LapilliError("counts: of no sample, nothing to bill")
    if set(counts.named) != set(network.counters):
        raise LapilliError(f"counts: named: must be {_listed(network.counters)}, got {_listed(counts.named)}")
    sources, layers = len(network.shapes), len(network.layers)
    columns = {"dendrite_updates": layers, "sent": sources, "payload_bits": sources}
    columns |= {"synapse_ops": len(counts.synapses)} | dict.fromkeys(counts.named, layers)
    for name, width in columns.items():
        counter = counts.named[name] if name in counts.named else getattr(counts, name)
        if counter.shape != (len(counts), width):
            raise LapilliError(f"counts: {name}: shape must be {(len(counts), width)}, got {counter.shape}")
        if counter.dtype.kind not in "iu" or (counter < 0).any():
            raise LapilliError(f"counts: {name}: must be whole numbers of at least 0")
    sizes = [len(events) for events in counts.neuron_events]
    if sizes != [network.n_inputs, *(layer.size for layer in network.layers)]:
        raise LapilliError(f"counts: neuron_events: one for each neuron of the input and of each layer, got {sizes}")


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
            yield synapse.source, synapse.fan_out(network.shapes[synapse.source], layer.fed_shape(synapse))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


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
