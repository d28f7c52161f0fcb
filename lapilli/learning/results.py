"""What a learning run leaves in its folder, and says of it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lapilli.netx_exports import LapilliError, Network, save
from lapilli.netx_exports.files import PathLike, remove_leftovers, replacing
from lapilli.netx_exports.locks import locked
from lapilli.output import print_table, progress_bar
from lapilli.paths import same_file
from lapilli.printable import say
from lapilli.simulators import Events
from lapilli.simulators.evidence.provenance import provenance, write_csv
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import learned_in
from lapilli.simulators.learning.report import ReportedRun, accuracy_of, curve_figure, learning_facts, sample_rows
from lapilli.simulators.recording.plots import save_figure

_FILES = {"model.net": "network", "report.json": "report", "samples.csv": "samples", "curve.svg": "curve"}
MANY_AT_LIMIT = 0.01
"""Share of weights at their limits from which people are warned."""

RECORD = "record.npz"
"""File that a run goes on from."""


@contextmanager
def run_folder(path: Path, resume: bool, read: Iterable[PathLike | None]) -> Iterator[Path]:
    """The folder of a run, which is made; nobody else works in it while this is open.

    Arguments:
        path: of the folder; one that holds a run already needs `resume`.
        resume: whether to go on with what it holds.
        read: files that the run reads.

    Raises:
        InUseError: when another process works in it.
        LapilliError: when it cannot be made, or holds files that are not of a run, or that the run reads.
    """
    for name in (*_FILES, RECORD):
        if (taken := same_file(path / name, read)) is not None:
            raise LapilliError(f"run_dir: {taken}, which is read, would be overwritten")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LapilliError(f"run_dir: cannot make {path}: {error.strerror or error}") from error
    with locked(path / ".lock", f"run_dir: {path}"):
        _check_content(path, resume)
        remove_leftovers(path)
        yield path


def _check_content(path: Path, resume: bool) -> None:
    if (path / RECORD).exists():
        if not resume:
            raise LapilliError(
                f"run_dir: {path} holds a learning run already; --resume goes on with it, another folder begins anew"
            )
    elif foreign := [name for name in _FILES if (path / name).exists()]:
        raise LapilliError(f"run_dir: {path} holds {', '.join(foreign)} of something else, which would be overwritten")


def accuracies_of(
    network: Network, tested: Mapping[str, Events], steps_of: Callable[[Network, int], int]
) -> dict[str, float]:
    """Accuracy on each set of samples, by its name; `steps_of` a network and its input says how long a sample runs."""
    found = {}
    with progress_bar("testing", sum(map(len, tested.values()))) as advance:
        for name, events in tested.items():
            found[name] = accuracy_of(network, events, steps_of(network, events.n_steps), advance)
    return found


def write_results(
    session: ReportedRun,
    record: LearningRecord,
    accuracies: Mapping[str, Mapping[str, float]],
    origin: str,
    folder: Path,
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write model.net, report.json, samples.csv and, where matplotlib is installed, curve.svg.

    Arguments:
        session, record: the run and what it came to.
        accuracies: of each tested set, "before" and "after".
        origin: where the network that it started from is.
        folder: of the run.
        data: the data set, as a training's configuration has it; None where it was none.

    Returns:
        What report.json holds.
    """
    before, learned = session.network, learned_in(session, record)
    facts = {
        "network": origin,
        "data": data,
        "fingerprint_before": before.fingerprint,
        "fingerprint_after": learned.fingerprint,
        **learning_facts(session, record),
        "accuracy": accuracies,
        **provenance(session.config.seed),
    }
    metadata = {**before.metadata, "learned": {"from": before.fingerprint, "samples": len(record)}}
    save(replace(learned, metadata=metadata), folder / "model.net")
    write_csv(folder / "samples.csv", sample_rows(session, record))
    with replacing(folder / "report.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if find_spec("matplotlib") is not None:
        save_figure(lambda: curve_figure(session, record, accuracies), folder / "curve.svg")
    return facts


def print_results(facts: Mapping[str, Any], folder: Path) -> None:
    """For people."""
    title = f"{facts['samples']:,} samples learnt in {facts['seconds']:.1f} s"
    rows = [
        ["samples that were learnt" if name == "learnt" else name, f"{pair['before']:.2%}", f"{pair['after']:.2%}"]
        for name, pair in facts["accuracy"].items()
    ]
    if rows:
        print_table(title, ["accuracy", "before", "after"], rows)
    else:
        say(title)
    online = facts["online_accuracy"]
    print(
        f"decided rightly before they were learnt: {online['all']:.2%} of all samples, {online['first_tenth']:.2%} of "
        f"the first tenth, {online['last_tenth']:.2%} of the last"
    )
    for change in facts["weight_change"]:
        share = f"{change['changed']:.2%} of {change['weights']:,} weights changed"
        size = f"by {change['mean_change']:.2f} on average, {change['largest_change']} at most"
        say(f"{change['source']} -> {change['layer']}: {share}, {size}")
        if change["at_limit"] > MANY_AT_LIMIT * change["weights"]:
            saturated = f"{change['at_limit'] / change['weights']:.2%} of its weights are at their limits"
            say(f"warning: {saturated}: a smaller mantissa or exponent of its rule learns more slowly")
    if facts["operations"]:
        say(", ".join(f"{name.replace('_', '-')} {value:,}" for name, value in facts["operations"].items()))
    if facts["classes_never_seen"]:
        say(f"classes that were never seen: {', '.join(map(str, facts['classes_never_seen']))}")
    for name, what in _FILES.items():
        if (folder / name).exists():
            say(f"{what}: {folder / name}")
