"""Learning from samples that come one by one, on the standard input or from a file, and the answers to them."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO

from lapilli.learning.options import RunOptions
from lapilli.learning.results import print_results
from lapilli.learning.runs import run_and_report
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json_line, progress_line
from lapilli.simulators import Events
from lapilli.simulators.learning.labelled_lines import StreamError, read_lines
from lapilli.simulators.learning.online import Answer, StreamSession
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import start_record
from lapilli.streams import silence_output

STANDARD_INPUT = "-"

_LAST = 100
"""Samples whose accuracy is shown."""


def learn_stream(options: RunOptions, stream: str) -> None:
    """Learn the samples of a stream as they come, and report.

    Arguments:
        options: of the run.
        stream: path of the lines of JSON; `-` is the standard input.

    Raises:
        LapilliError: for options that do not fit; for a wrong line; when the run is interrupted.
    """
    with opened_stream(stream) as (file, name):
        header, samples = read_lines(file, name)
        network = options.start.network(header.shape, header.n_classes)
        session = StreamSession(
            network=network,
            header=header,
            config=options.learning,
            layers=options.layers,
            n_steps=options.steps(network, header.n_steps),
            backend=options.backend,
            time_limit_s=options.time_limit_s,
        )
        facts = run_and_report(session, options, {}, partial(_run, session, samples, options.json))
    if options.json:
        print_json_line(facts)
    else:
        print_results(facts, options.run_dir)


def _run(
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


def refuse_contradictions(given: Mapping[str, object]) -> None:
    """Refuse options that choose among samples, or repeat them, where nobody knows which will come.

    Arguments:
        given: options by name; None and False: not given.
    """
    if wrong := [f"--{name}" for name, value in given.items() if value is not None and value is not False]:
        raise LapilliError(
            f"--stream contradicts {', '.join(wrong)}: its samples come once, all, and in their own order"
        )


@contextmanager
def opened_stream(path: str) -> Iterator[tuple[IO[bytes], str]]:
    """The file of a stream, and its name; `-` is the standard input."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise LapilliError("the standard input is closed")
        yield sys.stdin.buffer, "standard input"
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise LapilliError(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        yield file, path


@contextmanager
def answers(json: bool) -> Iterator[Callable[[Answer], None]]:
    """What to call with each answer: a line of JSON on the standard output, else a line for people that is renewed."""
    if json:
        yield lambda answer: print_json_line(asdict(answer))
        return
    right: deque[bool] = deque(maxlen=_LAST)
    with progress_line("waiting for the first sample") as say:

        def tell(answer: Answer) -> None:
            right.append(answer.label == answer.decided)
            last = f"of the last {len(right)} decided rightly: {sum(right) / len(right):.0%}"
            say(f"sample {answer.number}: label {answer.label}, decided {answer.decided}; {last}")

        yield tell
