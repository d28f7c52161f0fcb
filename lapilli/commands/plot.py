"""`lapilli plot`."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lapilli.choices import names, numbers, window
from lapilli.netx_exports import LapilliError, load
from lapilli.netx_exports.files import begins_as, existing_file
from lapilli.output import progress_bar
from lapilli.paths import check_outputs
from lapilli.printable import say
from lapilli.simulators.decisions.decide import decide, needed_recording, why_undecided
from lapilli.simulators.events import Events
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.many import SAMPLES_AT_ONCE
from lapilli.simulators.recording.choice import RecordedLayer, bounded_recording, choose_record, with_input
from lapilli.simulators.recording.file import RecordingFile
from lapilli.simulators.recording.plots import picture_format, sample_picture, usual_record
from lapilli.simulators.results import RECORDABLE, Recording
from lapilli.simulators.run import BackendName, run


def plot(
    source: str,
    /,
    *,
    output: str,
    input: str | None = None,  # noqa: A002
    sample: int | None = None,
    show: str | None = None,
    layers: str | None = None,
    neurons: str | None = None,
    steps: str | None = None,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    time_limit_s: float | None = None,
) -> None:
    """Draw the spikes and states of one sample, layer by layer, as a PNG or SVG picture.

    Arguments:
        source: file with a network (NetX HDF5), which is run on --input; or a recording of `lapilli simulate`.
        output: picture to write, .png or .svg.
        input: event file (.npz) to run the network on.
        sample: which sample of the event file; the first if not given.
        show: what to draw, as "spikes,voltage,current"; if not given, all of a recording; of a network the spikes, and
            the voltage of its output layer or of the layers chosen.
        layers: layers to draw, as "input,hidden"; if not given, all that have what is drawn.
        neurons: neurons to draw of each layer, as "0,3,5:8" (0, 3, 5, 6 and 7); if not given, all spikes are drawn, and
            the states of all in small layers, of the first 8 in large ones.
        steps: time steps to draw, as "100:300"; all if not given.
        backend: how to run the network; all give the same picture.
        n_steps: steps to run; if not given, as many as it takes to answer the last input spikes.
        time_limit_s: seconds after which a Lava run is killed.
    """
    picture_format(output)
    check_outputs((source, input), {"output": output})
    kinds, chosen = names(show, "show"), names(layers, "layers")
    if input is not None:
        drawn = _run(source, input, sample or 0, kinds, chosen, backend, n_steps, time_limit_s)
    elif n_steps is not None or time_limit_s is not None or backend != "fast":
        raise LapilliError("--backend, --n-steps and --time-limit-s need --input, the events to run the network on")
    else:
        drawn = _read(source, sample, kinds, chosen)
    largest = max(layer.size for layer in drawn.layers)
    sample_picture(
        drawn.layers,
        drawn.recordings,
        output,
        drawn.title,
        neurons=numbers(neurons, "neurons", largest),
        window=window(steps, "steps", drawn.n_steps),
    )
    say(f"picture: {output}")


@dataclass(frozen=True)
class _Drawn:
    """One sample, and what to draw of it."""

    layers: tuple[RecordedLayer, ...]
    recordings: Mapping[str, Recording]
    n_steps: int
    title: str


def _run(
    network: str,
    events: str,
    sample: int,
    kinds: Sequence[str] | None,
    layers: Sequence[str] | None,
    backend: BackendName,
    n_steps: int | None,
    time_limit_s: float | None,
) -> _Drawn:
    loaded, file = load(network), EventFile(events)
    if not 0 <= sample < len(file):
        raise LapilliError(f"--sample: {events} has {len(file)} samples, got {sample}")
    steps = file.n_steps + loaded.depth if n_steps is None else n_steps
    record = usual_record(loaded, layers) if kinds is None else choose_record(loaded, kinds, layers)
    bounded = bounded_recording(loaded, steps, len(file), record, np.array([sample]))
    decided = not why_undecided(loaded, file.n_steps, steps)
    needed = needed_recording(loaded) if decided else {}
    wanted = {
        name: {*bounded.record.get(name, ()), *needed.get(name, ())} for name in bounded.record.keys() | needed.keys()
    }
    one = _sample(file, sample)
    result = run(loaded, one, backend, n_steps=steps, record=wanted, time_limit_s=time_limit_s)
    decision = f", decided {decide(result, loaded)[0]}" if decided else ""
    title = f"{os.path.basename(network)}, sample {sample}{_label(one.labels)}{decision}"
    return _Drawn(bounded.layers, with_input(result, one), steps, title)


def _read(path: str, sample: int | None, kinds: Sequence[str] | None, layers: Sequence[str] | None) -> _Drawn:
    if not zipfile.is_zipfile(existing_file(path)):
        if begins_as(path):
            load(path)  # For what it says of a file that is no network either.
        raise LapilliError(f"{path} is no recording; to draw a network, give the events to run it on as --input")
    file = RecordingFile(path)
    if not len(file.samples):
        raise LapilliError(f"{path} holds no samples")
    chosen = _chosen(path, file.layers, kinds, layers)
    record = {layer.name: layer.kinds for layer in chosen}
    number = int(file.samples[0]) if sample is None else sample
    with progress_bar("reading", file.n_bytes(record)) as advance:
        recordings = file.read([number], record, advance)
    labels = None if file.labels is None else file.labels[file.samples == number]
    return _Drawn(chosen, recordings, file.n_steps, f"{os.path.basename(path)}, sample {number}{_label(labels)}")


def _chosen(
    path: str, layers: tuple[RecordedLayer, ...], kinds: Sequence[str] | None, wanted: Sequence[str] | None
) -> tuple[RecordedLayer, ...]:
    recorded = {layer.name: layer for layer in layers}
    if unknown := [name for name in wanted or () if name not in recorded]:
        raise LapilliError(f"--layers: {path} has no layer {unknown[0]!r}; layers are {', '.join(recorded)}")
    if unknown := [kind for kind in kinds or () if not any(kind in layer.kinds for layer in layers)]:
        there = ", ".join(kind for kind in RECORDABLE if any(kind in layer.kinds for layer in layers))
        raise LapilliError(f"--show: {path} has no {unknown[0]}, only {there}")
    found = []
    for layer in layers:
        shown = tuple(kind for kind in layer.kinds if kinds is None or kind in kinds)
        if wanted is not None and layer.name in wanted and not shown:
            raise LapilliError(f"--show: {path} has only {', '.join(layer.kinds)} of layer {layer.name!r}")
        if shown and (wanted is None or layer.name in wanted):
            found.append(replace(layer, kinds=shown))
    return tuple(found)


def _sample(file: EventFile, sample: int) -> Events:
    """One sample of an event file, which can only be read from its start."""
    with progress_bar("reading", sample) as advance:
        for first, chunk in zip(range(0, len(file), SAMPLES_AT_ONCE), file.chunks(SAMPLES_AT_ONCE)):
            if sample < first + len(chunk):
                return chunk.select([sample - first])
            advance(len(chunk))
    raise AssertionError("unreachable: the sample was found to be in the file")


def _label(labels: Any) -> str:
    return "" if labels is None or not len(labels) else f", class {labels[0]}"
