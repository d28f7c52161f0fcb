"""`lapilli learn`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from lapilli.choices import names
from lapilli.learning.interruption import sigterm_interrupts
from lapilli.learning.results import accuracies_of, print_results, run_folder, write_results
from lapilli.learning.samples import (
    checked,
    network_of_sizes,
    samples_of_classes,
    samples_of_data,
    samples_of_file,
    watched_samples,
)
from lapilli.learning.stream import answers, opened_stream, refuse_contradictions
from lapilli.netx_exports import LapilliError, load
from lapilli.output import print_json, print_json_line, progress_bar, silence_output
from lapilli.simulators import Events
from lapilli.simulators.learning import LearningBackend, LearningConfig
from lapilli.simulators.learning.labelled_lines import StreamError, read_lines
from lapilli.simulators.learning.learner import initial_state, with_readout
from lapilli.simulators.learning.online import StreamSession
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import learned_in, start_record
from lapilli.simulators.learning.report import ReportedRun
from lapilli.simulators.learning.session import LearningSession
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import PartName


def learn(
    network: str = "",
    /,
    *,
    run_dir: Path,
    new: str | None = None,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    stream: str | None = None,
    part: PartName | None = None,
    classes: str | None = None,
    groups: str | None = None,
    watch: str | None = None,
    layers: str | None = None,
    learning: LearningConfig = LearningConfig(),
    epochs: int | None = None,
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
        stream: samples that come one by one, each decided and learnt at once, in place of a file: lines of JSON, from a
            file, a FIFO or, as "-", the standard input; first {"shape": [64], "n_steps": 20, "classes": 10}, then
            {"label": 3, "events": [[step, neuron], ...]} for each sample.
        part: of the data set: "train", "validation" or "test"; if not given, "train".
        classes: learn samples of these classes only, as "8,9" or "0:5".
        groups: learn samples of these speakers or users of the data set only, as "4,5".
        watch: event files with labels, separated by commas, on which the network is tested before and after: what it
            could do before, samples of new speakers that it does not learn.
        layers: names, or numbers from 0, of the layers that learn, the last ones of the network, as "hidden,output"; if
            not given, all where all can, else the readout. The others stay as they are.
        learning: the rule.
        epochs: how often all samples are learnt; if not given, once.
        shuffle: seed of the samples' order; if not given, they are learnt as they come.
        n_steps: steps for each sample; if not given, those of the input and the network's depth.
        backend: "fast", or "lava" for Lava Processes: the same weights, much slower.
        resume: go on with the interrupted run of the folder, which must have been given the same; from a stream, with
            the samples that come next.
        time_limit_s: seconds after which a Lava run of up to 16 samples is killed.
        framing: of a data set: how recordings become steps.
        split: of a data set: which samples belong to which part.
        json: print the report as JSON; from a stream, a line for each sample when it is learnt, the report as the last.
    """
    if (network == "") == (new is None):
        raise LapilliError("learn: needs the file of a network or --new SIZES, one of them")
    if sum(source is not None for source in (input, data, stream)) != 1:
        raise LapilliError("learn: needs --input FILE.npz, --data NAME or --stream FILE, one of them")
    known = None if new is not None else with_readout(load(network))
    chosen = names(layers, "layers")
    with ExitStack() as opened:
        session: ReportedRun
        if stream is None:
            events, n_classes = _samples(input, data, part or "train", groups, framing, split)
            loaded = known or network_of_sizes(str(new), events.shape, n_classes, learning.seed)
            events = samples_of_classes(checked(loaded, events), classes)
            steps = events.n_steps + loaded.depth if n_steps is None else n_steps
            session = LearningSession(
                loaded, events, learning, chosen, steps, 1 if epochs is None else epochs, shuffle, backend, time_limit_s
            )
            tested, run = {"learnt": events}, partial(_learn_samples, session)
        else:
            only_of_samples = {"part": part, "classes": classes, "groups": groups, "epochs": epochs, "shuffle": shuffle}
            refuse_contradictions(only_of_samples)
            header, samples = read_lines(*opened.enter_context(opened_stream(stream)))
            loaded = known or network_of_sizes(str(new), header.shape, header.n_classes, learning.seed)
            steps = header.n_steps + loaded.depth if n_steps is None else n_steps
            session = StreamSession(loaded, header, learning, chosen, steps, backend, time_limit_s)
            tested, run = {}, partial(_learn_stream, session, samples, json)
        for path in names(watch, "watch") or ():
            if path in tested:
                raise LapilliError(f"--watch: {path!r} is what the learnt samples are called; write ./{path}")
            tested[path] = watched_samples(loaded, path)
        initial_state(loaded, learning, chosen, steps)  # For what it refuses, before there is a folder.
        folder = run_folder(run_dir, resume)
        before = accuracies_of(loaded, tested, n_steps)
        record = _interruptible(run, folder, resume)
    after = accuracies_of(learned_in(session, record), tested, n_steps)
    accuracies = {name: {"before": before[name], "after": after[name]} for name in tested}
    facts = write_results(session, record, accuracies, network or f"new {new}", folder)
    if not json:
        print_results(facts, folder)
    elif stream is None:
        print_json(facts)
    else:
        print_json_line(facts)


def _samples(
    path: str | None, data: str | None, part: PartName, groups: str | None, framing: Framing, split: Split
) -> tuple[Events, int]:
    """The samples to learn, and how many classes there are."""
    if data is not None:
        return samples_of_data(data, part, groups, framing, split)
    if groups is not None:
        raise LapilliError("--groups: event files do not say who a sample is from; only --data does")
    return samples_of_file(str(path))


def _interruptible(run: Callable[[Path, bool], LearningRecord], folder: Path, resume: bool) -> LearningRecord:
    try:
        with sigterm_interrupts():
            return run(folder / "record.npz", resume)
    except KeyboardInterrupt:
        raise LapilliError(
            f"stopped; what was learnt is in {folder}: the same command with --resume goes on"
        ) from SystemExit(130)


def _learn_samples(session: LearningSession, record_path: Path, resume: bool) -> LearningRecord:
    with progress_bar("learning", len(session.order)) as advance:
        return session.run(record_path, resume, advance)


def _learn_stream(
    session: StreamSession, samples: Iterator[Events], json: bool, record_path: Path, resume: bool
) -> LearningRecord:
    if resume:
        print(f"going on after {len(start_record(session, record_path, resume)):,} samples", file=sys.stderr)
    kept = f"what was learnt before is in {record_path.parent}, and --resume goes on"
    try:
        with answers(json) as answer:
            return session.run(samples, record_path, resume, answer)
    except StreamError as error:
        raise LapilliError(f"{error}; {kept}") from error
    except BrokenPipeError as error:
        silence_output()
        raise LapilliError(f"nobody reads the answers any more; {kept}") from error
