"""What a run gives back, the same from every backend: output spikes, exact counts, recordings of chosen layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import known_states
from lapilli.netx_exports.synapses.kinds import INPUT, SYNAPSES
from lapilli.simulators.events import Events

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

COUNTERS = ("syn_ops", "dendrite_updates", "spikes_in", "axon_out")
"""Names of Loihi 2's activity counters (`lava.utils.profiler`), in the order in which tables show them."""

RECORDABLE = ("spikes", *known_states())
"""What can be recorded of layers of lapilli's own kinds; which of it a layer has, its kind's `states` says."""


def recordable(*layers: Layer) -> tuple[str, ...]:
    """What can be recorded of layers: all of `RECORDABLE` that they have, and states of kinds from outside."""
    has = {"spikes", *(state for layer in layers for state in layer.neuron.states)}
    return tuple(kind for kind in ("spikes", *known_states()) if kind in has)


class SynapseName(NamedTuple):
    """Which synapse of a network a count is of.

    Arguments:
        layer: name of the layer that it feeds.
        number: its place in the layer's `synapses`.
        source: name of what it reads.
        kind: name of its kind.
    """

    layer: str
    number: int
    source: str
    kind: str


@dataclass(frozen=True, eq=False)
class Counts:
    """Exact activity of each sample, over all steps that were run. A spike is counted in the step in which it is sent.

    The counters of Loihi 2 (`syn_ops`, `dendrite_updates`, `spikes_in`, `axon_out`), one column for each layer, follow
    from the arrays here.

    Arguments:
        layers: names, in the network's order.
        synapses: all synapses, layer by layer.
        dendrite_updates: neuron updates, neurons x steps in which the layer acts: int64, (samples, layers).
        sent: events that the input and each layer sent: int64, (samples, 1 + layers).
        payload_bits: bits of the values of graded events, each in the shortest two's complement that holds it, 0 where
            events are binary spikes: int64, (samples, 1 + layers).
        synapse_ops: for each synapse, delivered events x non-zero weights that each meets: int64, (samples, synapses).
        neuron_events: events that each neuron of the input and of each layer sent in all samples together: 1 + layers
            arrays, int64, flat in C order.
        named: what kinds count beside these, by the names of their `counters`: int64, (samples, layers).
        n_steps: steps of each sample that were run.
    """

    layers: tuple[str, ...]
    synapses: tuple[SynapseName, ...]
    dendrite_updates: Int64
    sent: Int64
    payload_bits: Int64
    synapse_ops: Int64
    neuron_events: tuple[Int64, ...]
    named: Mapping[str, Int64] = field(default_factory=dict)
    n_steps: int = 0

    def __eq__(self, other: object) -> bool:
        """Whether every count of every sample is the same."""
        if not isinstance(other, Counts) or (self.layers, self.synapses) != (other.layers, other.synapses):
            return False
        if self.named.keys() != other.named.keys():
            return False
        arrays = ("dendrite_updates", "sent", "payload_bits", "synapse_ops")
        pairs = [(getattr(self, name), getattr(other, name)) for name in arrays]
        pairs += [*zip(self.neuron_events, other.neuron_events)]
        pairs += [(counter, other.named[name]) for name, counter in self.named.items()]
        return all(np.array_equal(one, two) for one, two in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        operations = int(self.synapse_ops.sum())
        return f"<Counts: {len(self):,} samples, {len(self.layers)} layers, {operations:,} synaptic operations>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("layer", *COUNTERS))
        rows = [
            [name, *(f"{int(getattr(self, counter)[:, number].sum()):,}" for counter in COUNTERS)]
            for number, name in enumerate(self.layers)
        ]
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        above = f"<b>Counts</b> of {len(self):,} samples together"
        return f"<div>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.sent)

    @property
    def synapse_events(self) -> Int64:
        """Events delivered to each synapse, (samples, synapses); none to those that read no events."""
        read = np.array([_reads_events(synapse) for synapse in self.synapses], np.int64)
        return self.sent[:, self._sources()] * read

    @property
    def syn_ops(self) -> Int64:
        """Events that reached the layer's synapses x non-zero weights that each event meets, (samples, layers)."""
        return self.synapse_ops @ self._feeds()

    @property
    def spikes_in(self) -> Int64:
        """Events that reached the layer's synapses, once for each synapse, (samples, layers)."""
        return self.synapse_events @ self._feeds()

    @property
    def axon_out(self) -> Int64:
        """Events of the layer, once for each synapse that reads it, once where none does, (samples, layers)."""
        reading = [synapse.source for synapse in self.synapses if _reads_events(synapse)]
        readers = [reading.count(name) for name in self.layers]
        return self.sent[:, 1:] * np.maximum(1, readers)

    def _sources(self) -> list[int]:
        places = {INPUT: 0} | {name: number + 1 for number, name in enumerate(self.layers)}
        return [places[synapse.source] for synapse in self.synapses]

    def _feeds(self) -> Int64:
        """1 where a synapse (row) feeds a layer (column)."""
        return np.array([[synapse.layer == name for name in self.layers] for synapse in self.synapses], np.int64)


def _reads_events(synapse: SynapseName) -> bool:
    """Whether it reads what its source sends; a kind that is not known here does."""
    return synapse.kind not in SYNAPSES or SYNAPSES[synapse.kind].reads_events


class Recording:
    """What was recorded of one layer.

    A state is an attribute by its name (`recording.voltage`): int32, (samples, *shape, steps), at the end of each step
    (after a spike's reset); None where it was not asked for.

    Arguments:
        spikes: events of the layer; None where they were not asked for.
        states: by name, each an array or None.
    """

    def __init__(self, spikes: Events | None = None, **states: Int32 | None) -> None:
        self.spikes = spikes
        self.states: Mapping[str, Int32] = {name: state for name, state in states.items() if state is not None}

    def __repr__(self) -> str:
        return (
            f"<Recording: {', '.join([*(['spikes'] if self.spikes is not None else []), *self.states]) or 'nothing'}>"
        )

    def __getattr__(self, name: str) -> Int32 | None:
        if name in known_states():
            return self.states.get(name)
        raise AttributeError(f"neurons have no state {name!r}; states are {', '.join(known_states())}")


@dataclass(frozen=True)
class RunResult:
    """Result of `lapilli.simulators.run`.

    Arguments:
        backend: name of the backend.
        spikes: output layer's spikes, with the labels of the input.
        counts: exact activity of each layer and sample.
        recordings: by layer name, what `record` asked for.
        seconds: time spent simulating; building, compiling and reading files not included.
    """

    backend: str
    spikes: Events
    counts: Counts
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    seconds: float = 0.0

    def __repr__(self) -> str:
        recorded = f", recorded {', '.join(self.recordings)}" if self.recordings else ""
        return f"<RunResult of {self.backend}: {self.spikes!r}, {self.counts!r}{recorded}>"


@dataclass(frozen=True)
class Reset:
    """Periodic reset of all states of the neurons, as in Lava's `LIFReset` under NetX's `Network`.

    Layer i (from 0) starts afresh in each step t (counted from 1) with `t % interval == (offset + 1 + i) % interval`,
    before it integrates its input. Synapses keep what is on its way.
    """

    interval: int
    offset: int = 0
