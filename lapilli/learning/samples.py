"""Learning from samples that are there as a whole, of an event file or a data set."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.choices import numbers
from lapilli.learning.options import RunOptions, SampleOptions
from lapilli.learning.results import print_results
from lapilli.learning.runs import checked, run_and_report
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, progress_bar
from lapilli.simulators import Events
from lapilli.simulators.configurations import as_plain
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.session import LearningSession
from lapilli.sources.inputs import data_config, data_task, find_inputs


def learn_samples(options: RunOptions, chosen: SampleOptions) -> None:
    """Learn the chosen samples, and report.

    Raises:
        LapilliError: for options that do not fit; when the run is interrupted.
    """
    if chosen.inputs.input is None:
        config = data_config(chosen.inputs, None if options.source is None else options.source.run)
        options = replace(options, data=as_plain(config))
        events, n_classes = _samples_of_data(chosen, config)
    else:
        events, n_classes = _samples_of_file(chosen)
    network = options.start.network(events.shape, n_classes)
    events = _samples_of_classes(checked(network, events), chosen.classes)
    session = LearningSession(
        network=network,
        events=events,
        config=options.learning,
        layers=options.layers,
        n_steps=options.steps(network, events.n_steps),
        epochs=1 if chosen.epochs is None else chosen.epochs,
        shuffle_seed=chosen.shuffle,
        backend=options.backend,
        time_limit_s=options.time_limit_s,
    )
    facts = run_and_report(session, options, {"learnt": events}, partial(_run, session))
    if options.json:
        print_json(facts)
    else:
        print_results(facts, options.run_dir)


def _run(session: LearningSession, record_path: Path, resume: bool) -> LearningRecord:
    with progress_bar("learning", len(session.order)) as advance:
        return session.run(record_path, resume, advance)


def _samples_of_file(chosen: SampleOptions) -> tuple[Events, int]:
    """The samples of an event file, and how many classes there are."""
    if chosen.groups is not None:
        raise LapilliError("--groups: event files do not say who a sample is from; only --data does")
    inputs = find_inputs(chosen.inputs, None)
    if inputs.labels is None:
        raise LapilliError(f"{inputs.name}: labels: missing; learning needs one for each sample")
    return inputs.events(), int(inputs.labels.max()) + 1 if len(inputs) else 0


def _samples_of_data(chosen: SampleOptions, config: Any) -> tuple[Events, int]:
    """The samples of a part of a data set, and how many classes there are."""
    task, part = data_task(config), chosen.inputs.part or "train"
    samples = task.part(part)
    if chosen.groups is not None:
        wanted = numbers(chosen.groups, "groups", 1 << 31)
        assert wanted is not None
        samples = samples.subset(np.flatnonzero(np.isin(samples.groups, wanted)))
        if not len(samples):
            raise LapilliError(f"--groups: the {part} part of {task.name} has no sample of {chosen.groups}")
    return samples.select(slice(chosen.inputs.samples)), len(task.classes)


def _samples_of_classes(events: Events, classes: str | None) -> Events:
    """The samples of the classes that `--classes` names; all where it names none."""
    wanted = numbers(classes, "classes", 1 << 31)
    if wanted is None:
        return events
    chosen = np.flatnonzero(np.isin(events.labels, wanted))  # type: ignore[arg-type]
    if not len(chosen):
        raise LapilliError(f"--classes: no sample is of class {classes}")
    return events.select(chosen)
