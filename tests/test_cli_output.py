"""An output that nobody reads, that is full or closed: one sentence, and never exit status 0."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, save
from lapilli.simulators import Events

ROOT = Path(__file__).resolve().parent.parent

VERBS = (
    ["--help"],
    ["simulate", "--help"],
    ["inspect", "model.net"],
    ["inspect", "model.net", "--json"],
    ["prove", "model.net", "--input", "in.npz", "--backends=[reference,fast]"],
    ["profile", "model.net", "--input", "in.npz"],
    ["view", "model.net", "--input", "in.npz", "--out", "view.html"],
    ["simulate", "model.net", "--input", "in.npz", "--out", "out.npz"],
    ["data", "list"],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    rng = np.random.default_rng(0)
    dense = DenseSynapse("input", rng.integers(-40, 60, (3, 5)) * 2)
    save(Network((5,), (Layer("out", (3,), CubaLif(90, 1024, 256), (dense,)),)), folder / "model.net")
    Events.from_dense(rng.random((2, 5, 8)) < 0.4).save(folder / "in.npz")
    return folder


def run_all(folder: Path, redirection: str) -> list[tuple[int, str]]:
    """Exit status and error stream of each verb, in one process for all."""
    program = (
        "import contextlib, os, sys\nfrom lapilli import cli\n"
        f"for words in {VERBS!r}:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        f"        {redirection}\n"
        "        sys.exit(cli.main(words))\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr, flush=True)\n"
        "    print('----', file=sys.stderr, flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    found = []
    for said in done.stderr.split("----\n")[:-1]:
        *lines, status = said.splitlines()
        found.append((int(status), "\n".join(lines)))
    assert len(found) == len(VERBS)
    return found


def test_a_reader_that_left_is_never_success(folder: Path) -> None:
    gone = "reading, writing = os.pipe(); os.close(reading); os.dup2(writing, 1)"
    assert run_all(folder, gone) == [(141, "")] * len(VERBS)


def test_a_full_output_is_one_sentence(folder: Path) -> None:
    full = "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
    said = "lapilli: cannot write the output: No space left on device"
    assert run_all(folder, full) == [(2, said)] * len(VERBS)


def test_a_closed_output_is_one_sentence(folder: Path) -> None:
    closed = "sys.stdout = None"
    assert run_all(folder, closed) == [(2, "lapilli: the standard output is closed")] * len(VERBS)


def test_a_closed_error_stream_changes_nothing(folder: Path) -> None:
    words = [sys.executable, "-m", "lapilli", "inspect", "none.net"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *words],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
