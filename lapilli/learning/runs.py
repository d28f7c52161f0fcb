"""What all learning runs do: test, learn in a folder, test again, report."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lapilli.choices import names
from lapilli.interruption import INTERRUPTED
from lapilli.learning.options import RunOptions
from lapilli.learning.results import RECORD, accuracies_of, run_folder, write_results
from lapilli.netx_exports import LapilliError, Network
from lapilli.simulators import Events
from lapilli.simulators.learning.learner import checked_labels, initial_state
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import learned_in
from lapilli.simulators.learning.report import ReportedRun
from lapilli.simulators.run import check_events


def run_and_report(
    session: ReportedRun,
    options: RunOptions,
    learnt: Mapping[str, Events],
    run: Callable[[Path, bool], LearningRecord],
) -> dict[str, Any]:
    """Test the network, let it learn, test it again, and write the results.

    Arguments:
        session: the run.
        options: of it.
        learnt: samples that are learnt, by the name under which the network is tested on them too.
        run: learns, given the path of the record and whether to go on from it.

    Returns:
        What report.json holds.

    Raises:
        LapilliError: for all that does not fit, before there is a folder; when the run is interrupted.
    """
    tested = _with_watched(session.network, learnt, options.watch)
    initial_state(session.network, session.config, session.layers, session.n_steps)  # For what it refuses.
    read = (*options.read, *(names(options.watch, "watch") or ()))
    with run_folder(options.run_dir, options.resume, read) as folder, _kept(folder / RECORD):
        before = accuracies_of(session.network, tested, options.steps)
        record = run(folder / RECORD, options.resume)
        after = accuracies_of(learned_in(session, record), tested, options.steps)
        accuracies = {name: {"before": before[name], "after": after[name]} for name in tested}
        return write_results(session, record, accuracies, options.start.origin, folder, options.data)


def checked(network: Network, events: Events) -> Events:
    """The samples, which fit the network and have labels that are its classes.

    Raises:
        LapilliError: when they do not.
    """
    check_events(network, events)
    checked_labels(events, network.output.size)
    return events


def _with_watched(network: Network, learnt: Mapping[str, Events], watch: str | None) -> dict[str, Events]:
    tested = dict(learnt)
    for path in names(watch, "watch") or ():
        if path in tested:
            raise LapilliError(f"--watch: {path!r} is what the learnt samples are called; write ./{path}")
        tested[path] = checked(network, Events.load(path))
        if not len(tested[path]):
            raise LapilliError(f"--watch: {path} has no samples")
    return tested


@contextmanager
def _kept(record: Path) -> Iterator[None]:
    """Where the run is interrupted, say what is kept of it."""
    try:
        yield
    except KeyboardInterrupt:
        if not record.exists():
            raise
        raise LapilliError(
            f"stopped; what was learnt is in {record.parent}: the same command with --resume goes on"
        ) from SystemExit(INTERRUPTED)
