"""What to record of which samples of an event file, decided, checked and bounded before anything runs.

Bounds: a recording file holds at most `FILE_LIMIT` bytes before compression. While a file is run, samples go together
only as far as their recording fits `PART_BYTES`; a backend takes about four times that for a part, and at most two
parts for each job are held. One sample whose recording could take more than `SAMPLE_LIMIT` bytes is refused.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.neuron import out_of_reach
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import MAX_MEMBERS
from lapilli.simulators.many import SAMPLES_AT_ONCE, Chunked, Part
from lapilli.simulators.results import RECORDABLE, Recording, RunResult, recordable

FILE_LIMIT = 1 << 32
"""Bytes of a recording file before compression: 4 GiB."""

SAMPLE_LIMIT = 1 << 29
"""Bytes that the recording of one sample may take in memory, with a spike of every neuron in every step: 512 MiB."""

PART_BYTES = 1 << 26
"""Bytes of recording, counted likewise, up to which samples run together: 64 MiB."""

MAX_LAYERS = MAX_MEMBERS // 11
"""Layers of a recording, each of at most ten arrays."""

SPIKES = "spikes"

_BYTES_OF_STATE, _BYTES_OF_SPIKE = 4, 12


@dataclass(frozen=True)
class RecordedLayer:
    """A layer, or the input, of which something is recorded.

    Arguments:
        name: of the layer, or "input".
        shape: of its neurons.
        kinds: of `RECORDABLE`, in that order.
        thresholds: by state, what it has to reach or exceed for a spike, where that is one number for all neurons.
    """

    name: str
    shape: tuple[int, ...]
    kinds: tuple[str, ...]
    thresholds: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    @property
    def states(self) -> tuple[str, ...]:
        """Of `kinds`, all but the spikes."""
        return tuple(kind for kind in self.kinds if kind != SPIKES)

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold is out of reach (a readout)."""
        return any(out_of_reach(level >> 6) for level in self.thresholds.values())


@dataclass(frozen=True, eq=False)
class BoundedRecording:
    """A recording that fits its limits.

    Arguments:
        fingerprint: of the network.
        n_steps: steps of every sample.
        samples: int64, rising: which samples of the event file.
        layers: the input and layers, in the network's order.
        sizes: neurons of every layer of the network, by name.
    """

    fingerprint: str
    n_steps: int
    samples: npt.NDArray[np.int64]
    layers: tuple[RecordedLayer, ...]
    sizes: Mapping[str, int]

    @property
    def record(self) -> dict[str, tuple[str, ...]]:
        """What `lapilli.simulators.run` has to record."""
        return {layer.name: layer.kinds for layer in self.layers if layer.name != INPUT}

    def rows(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Of the samples `first…last - 1`, the chosen ones, counted from `first`."""
        low, high = np.searchsorted(self.samples, [first, last])
        return self.samples[low:high] - first

    @property
    def state_bytes(self) -> int:
        """Bytes that the states of all samples take in the file, before compression."""
        return (
            _BYTES_OF_STATE
            * len(self.samples)
            * self.n_steps
            * sum(len(layer.states) * layer.size for layer in self.layers)
        )

    def sample_bytes(self, record: Mapping[str, Collection[str]]) -> int:
        """Bytes that what `lapilli.simulators.run` records of one sample takes if every neuron spikes in every step."""
        return self.n_steps * sum(
            self.sizes[name] * (_BYTES_OF_SPIKE if kind == SPIKES else _BYTES_OF_STATE)
            for name, kinds in record.items()
            for kind in kinds
        )


def choose_record(
    network: Network, kinds: Collection[str], layers: Sequence[str] | None = None, called: str = "record"
) -> dict[str, tuple[str, ...]]:
    """What to record, by name of layer, from a choice of kinds and of layers.

    Arguments:
        network: what will run.
        kinds: of `RECORDABLE`. A layer gives those that it has; the input has only spikes.
        layers: names of layers, or "input"; where None, all that have any of `kinds`.
        called: what errors call `kinds`, the name of an option.

    Raises:
        LapilliError: for unknown names, a kind that no chosen layer has, or a named layer that has no such kind.
    """
    known = {*RECORDABLE, *recordable(*network.layers)}
    if unknown := [kind for kind in kinds if kind not in known] or ([] if kinds else [""]):
        raise LapilliError(f"{called}: {one_of(unknown[0], recordable(*network.layers))}")
    possible = {INPUT: (SPIKES,)} | {layer.name: recordable(layer) for layer in network.layers}
    if unknown := [name for name in layers or () if name not in possible]:
        raise LapilliError(f"layers: {one_of(unknown[0], possible)}")
    chosen = {name: has for name, has in possible.items() if layers is None or name in layers}
    record = {name: tuple(kind for kind in has if kind in kinds) for name, has in chosen.items()}
    if absent := [kind for kind in kinds if not any(kind in found for found in record.values())]:
        has = "; ".join(f"{name!r} has {', '.join(chosen[name])}" for name in chosen)
        raise LapilliError(f"{called}: no chosen layer has {absent[0]!r}; {has}")
    if idle := [name for name in layers or () if not record[name]]:
        raise LapilliError(f"{called}: layer {idle[0]!r} has only {', '.join(chosen[idle[0]])}")
    return {name: found for name, found in record.items() if found}


def bounded_recording(
    network: Network,
    n_steps: int,
    n_samples: int,
    record: Mapping[str, Collection[str]],
    samples: npt.NDArray[np.int64] | None = None,
) -> BoundedRecording:
    """A recording that fits its limits.

    Arguments:
        network: what will run.
        n_steps: steps of every sample.
        n_samples: samples in the event file.
        record: for each layer, what to record (`choose_record`).
        samples: numbers of samples; all where None.

    Raises:
        LapilliError: for unknown samples, or a recording beyond the limits.
    """
    numbers = np.arange(n_samples) if samples is None else np.unique(np.asarray(samples, np.int64))
    if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < n_samples:
        raise LapilliError(f"samples: must be of the {n_samples} in the file, got {numbers[0]}…{numbers[-1]}")
    sizes = {layer.name: layer.size for layer in network.layers}
    bounded = BoundedRecording(network.fingerprint, n_steps, numbers, recorded_layers(network, record), sizes)
    if len(bounded.layers) > MAX_LAYERS:
        raise LapilliError(
            f"recording: must be of at most {MAX_LAYERS} layers, got {len(bounded.layers)}; choose fewer"
        )
    _check_sample(bounded, bounded.record)
    if bounded.state_bytes > FILE_LIMIT:
        raise LapilliError(
            f"recording: the states of {len(bounded.samples)} samples take {_mib(bounded.state_bytes)}, more than the "
            f"limit of {_mib(FILE_LIMIT)}; choose fewer samples or layers"
        )
    return bounded


def recorded_layers(network: Network, record: Mapping[str, Collection[str]]) -> tuple[RecordedLayer, ...]:
    """The input and layers that `record` names, in the network's order, without those of which nothing is left."""
    found = []
    if SPIKES in record.get(INPUT, ()):
        found.append(RecordedLayer(INPUT, network.input_shape, (SPIKES,)))
    for layer in network.layers:
        kinds = tuple(kind for kind in recordable(layer) if kind in record.get(layer.name, ()))
        if kinds:
            found.append(RecordedLayer(layer.name, layer.shape, kinds, thresholds(layer)))
    return tuple(found)


def membrane(layer: Layer) -> str:
    """The state of a layer that says most about what it will do."""
    return "voltage" if "voltage" in layer.neuron.states else layer.neuron.states[0]


def thresholds(layer: Layer) -> dict[str, int]:
    """By state, what it has to reach or exceed for a spike, where that is one number for all neurons and steps."""
    if layer.neuron.fires_by is None:
        return {}
    mantissas = np.unique(layer.neuron.per_neuron("vth_mant", layer.shape))
    return {layer.neuron.fires_by: int(mantissas[0]) << 6} if len(mantissas) == 1 else {}


def with_input(result: RunResult, events: Events) -> dict[str, Recording]:
    """The recordings of a run, and the spikes of the input within the steps that were run, as those of a layer."""
    return {INPUT: Recording(events.with_steps(result.spikes.n_steps)), **result.recordings}


def recorded_parts(file: Chunked, bounded: BoundedRecording, always: Mapping[str, Collection[str]]) -> Iterator[Part]:
    """Cut samples into parts whose recording, with what is recorded of every sample, fits `PART_BYTES`.

    A part of which any sample is chosen is recorded as a whole; `RecordingWriter.add` keeps the chosen ones.

    Arguments:
        file: the samples.
        bounded: what to record of the chosen samples.
        always: what to record of every sample.

    Raises:
        LapilliError: when what is recorded of a chosen sample takes more than `SAMPLE_LIMIT`.
    """
    layers = bounded.record.keys() | always.keys()
    record = {name: {*bounded.record.get(name, ()), *always.get(name, ())} for name in layers}
    if len(bounded.samples):
        _check_sample(bounded, record)
    at_once = _samples_at_once(bounded, always), _samples_at_once(bounded, record)
    first = 0
    for chunk in file.chunks(SAMPLES_AT_ONCE):
        is_chosen = np.zeros(len(chunk), bool)
        is_chosen[bounded.rows(first, first + len(chunk))] = True
        first += len(chunk)
        any_chosen = bool(is_chosen.any())
        if len(chunk) <= at_once[any_chosen]:
            yield Part(chunk, record if any_chosen else always)
            continue
        for start, end in _runs(is_chosen, at_once):
            yield Part(chunk.select(slice(start, end)), record if is_chosen[start] else always)


def _samples_at_once(bounded: BoundedRecording, record: Mapping[str, Collection[str]]) -> int:
    return int(np.clip(PART_BYTES // max(1, bounded.sample_bytes(record)), 1, SAMPLES_AT_ONCE))


def _runs(is_chosen: npt.NDArray[np.bool_], at_once: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Stretches of samples that are all chosen or all not, at most `at_once[chosen]` of them."""
    edges = np.flatnonzero(np.diff(is_chosen)) + 1
    for start, end in zip([0, *edges], [*edges, len(is_chosen)]):
        size = at_once[int(is_chosen[start])]
        for place in range(start, end, size):
            yield place, min(place + size, end)


def _check_sample(bounded: BoundedRecording, record: Mapping[str, Collection[str]]) -> None:
    if (needed := bounded.sample_bytes(record)) > SAMPLE_LIMIT:
        raise LapilliError(
            f"recording: one sample can take {_mib(needed)}, more than the limit of {_mib(SAMPLE_LIMIT)}; "
            "choose fewer layers or record less of them"
        )


def _mib(n_bytes: int) -> str:
    return f"{-(-n_bytes >> 20):,} MiB"
