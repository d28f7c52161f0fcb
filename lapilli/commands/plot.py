"""`lapilli plot`."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lapilli.choices import names, numbers, window
from lapilli.netx_exports import LapilliError, load
from lapilli.netx_exports.errors import one_of
from lapilli.netx_exports.files import begins_as, existing_file
from lapilli.output import progress_bar
from lapilli.paths import PICTURES, check_outputs
from lapilli.printable import say
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.simulators.recording.choice import RecordedLayer, bounded_recording, choose_record, with_input
from lapilli.simulators.recording.file import RecordingFile
from lapilli.simulators.recording.plots import picture_format, sample_picture, usual_record
from lapilli.simulators.results import RECORDABLE, Recording
from lapilli.simulators.run import BackendName, run
from lapilli.sources.inputs import InputOptions, Inputs, find_inputs
from lapilli.sources.networks import Source, find_network
from lapilli.sources.runs import is_folder
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName


def plot(
    source: str,
    /,
    *,
    out: str,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName | None = None,
    sample: int | None = None,
    show: str | None = None,
    layers: str | None = None,
    neurons: str | None = None,
    steps: str | None = None,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    readout: str | None = None,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
) -> None:
    """Draw the spikes and states of one sample, layer by layer, as a PNG or SVG picture.

    Arguments:
        source: file with a network (NetX HDF5) or run folder, to run on events; or a recording of `lapilli simulate`.
        out: picture to write, .png or .svg.
        input: event file (.npz) to run the network on; without it and without --data, the test part of the run.
        data: data set in place of an event file; `lapilli data list` has them.
        part: part of the data set that is read. Without it, that is "test".
        sample: which sample of the events; the first if not given.
        show: what to draw, as "spikes,voltage,current". If not given, a recording is drawn whole. A network is drawn
            with its spikes, and with the voltage of its output layer or of the layers chosen.
        layers: layers to draw, as "input,hidden"; if not given, all that have what is drawn.
        neurons: neurons to draw of each layer, as "0,3,5:8" (0, 3, 5, 6 and 7). If not given, all spikes are drawn, and
            the states of all in small layers, of the first 8 in large ones.
        steps: time steps to draw, as "100:300"; all if not given.
        backend: how to run the network; all give the same picture.
        n_steps: steps to run. Without it, the sample runs until its last input spike is answered.
        readout: how a class is decided, for a network that does not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        time_limit_s: seconds after which a Lava run is killed.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
    """
    picture_format(out)
    check_outputs((source, input), {"out": out}, PICTURES)
    kinds, chosen = names(show, "show"), names(layers, "layers")
    if input is not None or data is not None or is_folder(source):
        found = find_network(source, readout)
        inputs = find_inputs(InputOptions(input, data, part, None, framing, split, lines), found.run)
        drawn = _run(found, inputs, sample or 0, kinds, chosen, backend, n_steps, time_limit_s)
    elif n_steps is not None or time_limit_s is not None or backend != "fast":
        raise LapilliError("--backend, --n-steps and --time-limit-s need --input, the events to run the network on")
    else:
        drawn = _read(source, sample, kinds, chosen)
    largest = max(layer.size for layer in drawn.layers)
    sample_picture(
        drawn.layers,
        drawn.recordings,
        out,
        drawn.title,
        neurons=numbers(neurons, "neurons", largest),
        window=window(steps, "steps", drawn.n_steps),
    )
    say(f"picture: {out}")


@dataclass(frozen=True)
class _Drawn:
    """One sample, and what to draw of it."""

    layers: tuple[RecordedLayer, ...]
    recordings: Mapping[str, Recording]
    n_steps: int
    title: str


def _run(
    source: Source,
    inputs: Inputs,
    sample: int,
    kinds: Sequence[str] | None,
    layers: Sequence[str] | None,
    backend: BackendName,
    n_steps: int | None,
    time_limit_s: float | None,
) -> _Drawn:
    network, one = source.network, inputs.sample(sample)
    steps = source.steps(inputs.n_steps, n_steps)
    record = usual_record(network, layers) if kinds is None else choose_record(network, kinds, layers, "show")
    bounded = bounded_recording(network, steps, len(inputs), record, np.array([sample]))
    decided = not source.why_undecided(inputs.n_steps, steps)
    needed = needed_recording(network) if decided else {}
    wanted = {
        name: {*bounded.record.get(name, ()), *needed.get(name, ())} for name in bounded.record.keys() | needed.keys()
    }
    result = run(network, one, backend, n_steps=steps, record=wanted, time_limit_s=time_limit_s)
    names = inputs.class_names
    decision = f", decided {_named(decide(result, network)[0], names)}" if decided else ""
    title = f"{source.name}, sample {sample}{_label(one.labels, names)}{decision}"
    return _Drawn(bounded.layers, with_input(result, one), steps, title)


def _read(path: str, sample: int | None, kinds: Sequence[str] | None, layers: Sequence[str] | None) -> _Drawn:
    if not zipfile.is_zipfile(existing_file(path)):
        if begins_as(path):
            load(path)  # For what it says of a file that is no network either.
        raise LapilliError(
            f"{path} is no recording; to draw a network, give the events to run it on as --input or --data"
        )
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
        raise LapilliError(f"--layers: for {path} {one_of(unknown[0], recorded)}")
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


def _label(labels: Any, names: Mapping[int, str] = {}) -> str:
    return "" if labels is None or not len(labels) else f", class {_named(labels[0], names)}"


def _named(number: Any, names: Mapping[int, str]) -> str:
    """A class by its name, where it has one."""
    return names.get(int(number), str(number))
