"""`lapilli learn`."""

import json as json_format
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.choices import names, numbers
from lapilli.commands.data import catalogue
from lapilli.output import print_json, print_table, progress_bar
from netx_exports import LapilliError, Network, load, save
from netx_exports.files import replacing
from simulators import Events
from simulators.learning import LearningBackend, LearningConfig
from simulators.learning.fresh import fresh_network
from simulators.learning.learner import checked_labels, with_readout
from simulators.learning.report import accuracy_of, curve_figure, learning_facts, sample_rows
from simulators.learning.session import LearningSession
from simulators.plots import save_figure
from simulators.provenance import provenance, write_csv
from simulators.run import check_events
from training.data.framing import Framing, Split
from training.data.sets import PartName

_FILES = {"model.net": "network", "report.json": "report", "samples.csv": "samples", "curve.svg": "curve"}


def learn(
    network: str = "",
    /,
    *,
    run_dir: Path,
    new: str | None = None,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName = "train",
    classes: str | None = None,
    groups: str | None = None,
    watch: str | None = None,
    layers: str | None = None,
    learning: LearningConfig = LearningConfig(),
    epochs: int = 1,
    shuffle: int | None = None,
    n_steps: int | None = None,
    backend: LearningBackend = "fast",
    resume: bool = False,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    json: bool = False,
) -> None:
    """Let a network learn online from labelled events, as they come; Ctrl-C and --resume lose nothing.

    Each sample is decided before it is learnt.

    Arguments:
        network: file with the network (NetX HDF5) to start from.
        run_dir: folder for the results: model.net, report.json, samples.csv, curve.svg, and record.npz to go on from.
        new: in place of a network, sizes of hidden layers of one with random weights, as "128" or "256,128"; "0": none.
            Its input and classes are those of the events, its seed is that of --learning.seed.
        input: event file (.npz) with labels.
        data: data set in place of an event file; `lapilli data list` has them.
        part: of the data set: "train", "validation" or "test".
        classes: learn samples of these classes only, as "8,9" or "0:5".
        groups: learn samples of these speakers or users of the data set only, as "4,5".
        watch: event files with labels, separated by commas, on which the network is tested before and after: what it
            could do before, samples of new speakers that it does not learn.
        layers: names, or numbers from 0, of the layers that learn, the last ones of the network, as "hidden,output"; if
            not given, all where all can, else the readout. The others stay as they are.
        learning: the rule.
        epochs: how often all samples are learnt.
        shuffle: seed of the samples' order; if not given, they are learnt as they come.
        n_steps: steps for each sample; if not given, those of the input and the network's depth.
        backend: "fast", or "lava" for Lava Processes: the same weights, much slower.
        resume: go on with the interrupted run of the folder, which must have been given the same.
        time_limit_s: seconds after which a Lava run of up to 16 samples is killed.
        framing: of a data set: how recordings become steps.
        split: of a data set: which samples belong to which part.
        json: print the report as JSON.
    """
    if (network == "") == (new is None):
        raise LapilliError("learn: needs the file of a network or --new SIZES, one of them")
    known = None if new is not None else with_readout(load(network))
    events, n_classes = _events(input, data, part, groups, framing, split)
    loaded = _fresh(str(new), events, n_classes, learning.seed) if known is None else known
    events = _of_classes(_checked(loaded, events), classes, "classes")
    watched = {path: _watched(loaded, path) for path in names(watch, "watch") or ()}
    chosen = names(layers, "layers")
    steps = events.n_steps + loaded.depth if n_steps is None else n_steps
    session = LearningSession(loaded, events, learning, chosen, steps, epochs, shuffle, backend, time_limit_s)
    folder = _folder(run_dir, resume)
    tested = {"learnt": events, **watched}
    before = _accuracies(loaded, tested, n_steps)
    try:
        with progress_bar("learning", len(session.order)) as advance:
            record = session.run(folder / "record.npz", resume, advance)
    except KeyboardInterrupt:
        raise LapilliError(
            f"stopped; what was learnt is in {folder}: the same command with --resume goes on"
        ) from SystemExit(130)
    learned = session.learned(record)
    after = _accuracies(learned, tested, n_steps)
    accuracies = {name: {"before": before[name], "after": after[name]} for name in tested}
    facts = {
        "network": network or f"new {new}",
        "fingerprint_before": loaded.fingerprint,
        "fingerprint_after": learned.fingerprint,
        **learning_facts(session, record),
        "accuracy": accuracies,
        **provenance(learning.seed),
    }
    metadata = {**loaded.metadata, "learned": {"from": loaded.fingerprint, "samples": len(record)}}
    save(replace(learned, metadata=metadata), folder / "model.net")
    write_csv(folder / "samples.csv", sample_rows(session, record))
    with replacing(folder / "report.json") as temporary:
        temporary.write_text(json_format.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if find_spec("matplotlib") is not None:
        save_figure(lambda: curve_figure(session, record, accuracies), folder / "curve.svg")
    if json:
        print_json(facts)
    else:
        _print(facts, folder)


def _events(
    path: str | None, data: str | None, part: PartName, groups: str | None, framing: Framing, split: Split
) -> tuple[Events, int]:
    """The samples to learn, and how many classes there are."""
    if (path is None) == (data is None):
        raise LapilliError("learn: needs --input FILE.npz or --data NAME, one of them")
    if path is not None:
        if groups is not None:
            raise LapilliError("--groups: event files do not say who a sample is from; only --data does")
        events = Events.load(path)
        return events, 0 if events.labels is None or not len(events) else int(events.labels.max()) + 1
    found = catalogue().prepared(data, framing, split)
    samples = found.part(part)
    if groups is not None:
        wanted = numbers(groups, "groups", 1 << 31)
        assert wanted is not None
        samples = samples.subset(np.flatnonzero(np.isin(samples.groups, wanted)))
        if not len(samples):
            raise LapilliError(f"--groups: the {part} part of {data} has no sample of {groups}")
    return samples.events(), len(found.classes)


def _fresh(sizes: str, events: Events, n_classes: int, seed: int) -> Network:
    try:
        hidden = [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise LapilliError(f"--new: must be sizes separated by commas, got {sizes!r}") from error
    if events.labels is None:
        raise LapilliError("--input: the samples have no labels, from which alone classes are known")
    return fresh_network(events.shape, [] if hidden == [0] else hidden, n_classes, seed)


def _watched(network: Network, path: str) -> Events:
    events = _checked(network, Events.load(path))
    if not len(events):
        raise LapilliError(f"--watch: {path} has no samples")
    return events


def _checked(network: Network, events: Events) -> Events:
    check_events(network, events)
    checked_labels(events, network.output.size)
    return events


def _of_classes(events: Events, classes: str | None, option: str) -> Events:
    wanted = numbers(classes, option, 1 << 31)
    if wanted is None:
        return events
    chosen = np.flatnonzero(np.isin(events.labels, wanted))  # type: ignore[arg-type]
    if not len(chosen):
        raise LapilliError(f"--{option}: no sample is of class {classes}")
    return events.select(chosen)


def _folder(run_dir: Path, resume: bool) -> Path:
    if not resume and (run_dir / "record.npz").exists():
        raise LapilliError(f"run_dir: {run_dir} holds a learning run already; --resume goes on with it")
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LapilliError(f"run_dir: cannot make {run_dir}: {error.strerror or error}") from error
    return run_dir


def _accuracies(network: Network, tested: Mapping[str, Events], n_steps: int | None) -> dict[str, float]:
    found = {}
    with progress_bar("testing", sum(map(len, tested.values()))) as advance:
        for name, events in tested.items():
            steps = events.n_steps + network.depth if n_steps is None else n_steps
            found[name] = accuracy_of(network, events, steps, advance)
    return found


def _print(facts: dict[str, Any], folder: Path) -> None:
    rows = [
        ["samples that were learnt" if name == "learnt" else name, f"{pair['before']:.2%}", f"{pair['after']:.2%}"]
        for name, pair in facts["accuracy"].items()
    ]
    print_table(
        f"{facts['samples']:,} samples learnt in {facts['seconds']:.1f} s", ["accuracy", "before", "after"], rows
    )
    online = facts["online_accuracy"]
    print(
        f"decided rightly before they were learnt: {online['all']:.2%} of all samples, {online['first_tenth']:.2%} of "
        f"the first tenth, {online['last_tenth']:.2%} of the last"
    )
    for change in facts["weight_change"]:
        share = f"{change['changed']:.2%} of {change['weights']:,} weights changed"
        size = f"by {change['mean_change']:.2f} on average, {change['largest_change']} at most"
        print(f"{change['source']} -> {change['layer']}: {share}, {size}")
    if facts["operations"]:
        print(", ".join(f"{name.replace('_', '-')} {value:,}" for name, value in facts["operations"].items()))
    if facts["classes_never_seen"]:
        print(f"classes that were never seen: {', '.join(map(str, facts['classes_never_seen']))}")
    for name, what in _FILES.items():
        if (folder / name).exists():
            print(f"{what}: {folder / name}")
