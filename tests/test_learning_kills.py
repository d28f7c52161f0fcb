"""A learning run, killed without warning or asked to end, and resumed, ends with the same weights, bit for bit."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from groups import wait_until
from learning_files import RULE, answers_in, learning_files, stream_text

from lapilli import cli
from lapilli.netx_exports import load
from lapilli.simulators import Events

N_SAMPLES = 400

# A record after each sample, so that a kill is likely to meet one that is being written; and samples that take longer
# than these small ones do, so that the run outlasts the kill.
SLOW = """
import sys, time
from lapilli.simulators.learning import recorded, session

learn = recorded.learn


def slow(*arguments, **options):
    time.sleep(0.02)
    return learn(*arguments, **options)


recorded.learn, recorded.SAVE_S, session.AT_ONCE = slow, -1.0, 1
from lapilli.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """With the network that a run without interruption ends with, as `whole`."""
    folder = tmp_path_factory.mktemp("whole")
    files = learning_files(folder, N_SAMPLES)
    assert cli.main(words(files, folder / "run", "--input", str(files["events"]))) == 0
    return {**files, "whole": folder / "run" / "model.net"}


def words(files: dict[str, Path], run: Path, *more: str) -> list[str]:
    return ["learn", str(files["network"]), "--run-dir", str(run), *RULE, *more]


@contextmanager
def started(words: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe
            pipe.close()


def learnt(run: Path) -> int:
    """Samples in the record of a run; 0 where there is none yet."""
    if not (run / "record.npz").exists():
        return 0
    with np.load(run / "record.npz") as record:
        return len(record["labels"])


def more_learnt(run: Path, before: int) -> bool:
    return learnt(run) > before


@pytest.mark.slow
def test_a_run_that_is_ended_at_any_moment_goes_on_exactly(files: dict[str, Path], tmp_path: Path) -> None:
    run, before = tmp_path / "run", 0
    source = words(files, run, "--input", str(files["events"]))
    stopped = f"lapilli: stopped; what was learnt is in {run}: the same command with --resume goes on\n"
    for how, resume in ((signal.SIGKILL, []), (signal.SIGTERM, ["--resume"]), (signal.SIGINT, ["--resume"])):
        with started([*source, *resume]) as process:
            assert wait_until(partial(more_learnt, run, before), 60)
            time.sleep(np.random.default_rng().uniform(0, 0.5))
            process.send_signal(how)
            out, err = process.communicate(timeout=60)
        expected = (-how, "") if how == signal.SIGKILL else (130, stopped)
        assert (process.returncode, err.decode(), out) == (*expected, b"")
        assert before < learnt(run) < N_SAMPLES
        assert not (run / "model.net").exists()
        before = learnt(run)
    assert cli.main([*source, "--resume"]) == 0
    assert load(run / "model.net") == load(files["whole"]) != load(files["network"])


@pytest.mark.slow
def test_a_stream_that_is_ended_between_two_samples_goes_on_with_the_next(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, events = tmp_path / "run", Events.load(files["events"])
    header, *lines = stream_text(events).encode().splitlines(keepends=True)
    with started(words(files, run, "--stream", "-", "--json")) as process:
        told = answered(process, header, lines[:5])
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    stopped = f"lapilli: stopped; what was learnt is in {run}: the same command with --resume goes on\n"
    assert (process.returncode, err.decode(), learnt(run)) == (130, stopped, 5)
    # Whoever reads the answers goes away: sample 7 is learnt, and nobody can be told.
    with started(words(files, run, "--stream", "-", "--json", "--resume")) as process:
        told += answered(process, header, lines[5:7])
        assert process.stdin
        assert process.stdout
        process.stdout.close()
        process.stdin.write(lines[7])
        _, err = process.communicate(timeout=60)
    gone = f"lapilli: nobody reads the answers any more; what was learnt before is in {run}, and --resume goes on\n"
    assert (process.returncode, err.decode(), learnt(run)) == (2, "going on after 5 samples\n" + gone, 8)
    rest = tmp_path / "rest.jsonl"
    rest.write_text(stream_text(events, first=8))
    capsys.readouterr()
    assert cli.main(words(files, run, "--stream", str(rest), "--json", "--resume")) == 0
    answers, _ = answers_in(b"".join(told).decode() + capsys.readouterr().out)
    assert [answer["number"] for answer in answers] == [*range(7), *range(8, N_SAMPLES)]
    assert load(run / "model.net") == load(files["whole"])


def answered(process: "subprocess.Popen[bytes]", header: bytes, lines: list[bytes]) -> list[bytes]:
    """The answers to samples, of which none is sent before the one before it is answered."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(header)
    told = []
    for line in lines:
        process.stdin.write(line)
        assert select.select([process.stdout], [], [], 60)[0]
        told.append(process.stdout.readline())
    return told
