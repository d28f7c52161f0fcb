"""Two verbs on one folder or file at once: one goes on, the other says who holds it; files are whole."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from learning_files import RULE, learning_files
from timed_recordings import NAME, register

from lapilli import cli
from lapilli.netx_exports.locks import locked
from lapilli.simulators import Events, events_equal
from lapilli.simulators.files.event_file import EventWriter

TICKS = ["--run-dir", "run", "--data.name", NAME]
LEARN = ["learn", "a.net", "--run-dir", "run", *RULE]

VERBS = {
    "train": (["train", *TICKS], "run"),
    "train, resumed": (["train", *TICKS, "--resume"], "run"),
    "train --seeds": (["train", *TICKS, "--seeds", "2"], "run/.seeds.csv"),
    "train stllr": (["train", "stllr", *TICKS], "run"),
    "train lstm": (["train", "lstm", *TICKS], "run/source"),
    "learn": ([*LEARN, "--input", "e.npz"], "run"),
    "learn, resumed": ([*LEARN, "--input", "e.npz", "--resume"], "run"),
    "learn --stream": ([*LEARN, "--stream", "e.jsonl"], "run"),
    "learn --stream, resumed": ([*LEARN, "--stream", "e.jsonl", "--resume"], "run"),
}
"""Words, and what each of them works in."""

HOLDS = """
import sys
from pathlib import Path
from lapilli.netx_exports.locks import locked

with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read(1)
"""


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[int]:
    """Another process at work; yields its number."""
    words = [sys.executable, "-c", HOLDS, str(lock)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate("\n")


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_in_which_another_process_works(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever verb holds it: all of them hold the same lock."""
    register(monkeypatch)
    monkeypatch.chdir(tmp_path)
    learning_files(tmp_path, 8)
    words, place = VERBS[verb]
    lock = tmp_path / (f"{place}.lock" if place.endswith(".csv") else f"{place}/.lock")
    lock.parent.mkdir(parents=True)
    (tmp_path / "run" / "config.yaml").write_text("seed: 0\n" if "--resume" in words else "")
    if "--resume" not in words:
        (tmp_path / "run" / "config.yaml").unlink()
    before = {path for path in tmp_path.rglob("*") if path.name != ".lock"}
    with held_elsewhere(lock) as process:
        assert cli.main(words) == 2
        said = capsys.readouterr().err
        assert f"is in use by process {process}\n" in said
        assert said.count("\n") == 1
        assert lock.exists()
    assert {path for path in tmp_path.rglob("*") if path.name != ".lock"} == before


def test_two_that_write_one_file(tmp_path: Path) -> None:
    """As two `simulate` with one output: the file is that of the later one, and whole all the time."""
    rng = np.random.default_rng(0)
    first, second = (Events.from_dense(rng.random((5, 6, 9)) < 0.3) for _ in range(2))
    out = tmp_path / "out.npz"
    with EventWriter(out, 9, (6,)) as later:
        later.add(second)
        with EventWriter(out, 9, (6,)) as earlier:
            earlier.add(first)
        assert events_equal(Events.load(out), first)
    assert events_equal(Events.load(out), second)
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_who_reads_a_run_meets_whole_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`prove` and others read without a lock what a run has finished."""
    learning_files(tmp_path, 8)
    run = tmp_path / "run"
    assert cli.main(["learn", str(tmp_path / "a.net"), "--input", str(tmp_path / "e.npz"), "--run-dir", str(run)]) == 0
    with locked(run / ".lock", "it"):
        assert cli.main(["prove", str(run / "model.net"), "--backends", "[reference,fast]", "--samples", "2"]) == 0
        assert cli.main(["inspect", str(run / "model.net")]) == 0
    assert "lapilli:" not in capsys.readouterr().err
