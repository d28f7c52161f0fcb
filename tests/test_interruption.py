"""Ctrl-C, SIGTERM and SIGHUP: one sentence and status 130, from the first import to the end."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from groups import alive, wait_until
from learning_files import learning_files

from lapilli.netx_exports.undisturbed import undisturbed

ROOT = Path(__file__).resolve().parent.parent

# Sends itself a signal at one of its imports, and says at the end how many there were.
AT_AN_IMPORT = """
import os, signal, sys
from lapilli.__main__ import main

number, chosen, seen = int(sys.argv[1]), int(sys.argv[2]), 0
del sys.argv[1:3]
signal.signal(signal.SIGINT, signal.default_int_handler)


def look(event, arguments):
    global seen
    if event == "import":
        seen += 1
        if seen == chosen:
            os.kill(os.getpid(), number)


sys.addaudithook(look)
status = main()
print(seen)
sys.exit(status)
"""


def ran(program: str, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_signal_at_any_import_is_one_sentence(tmp_path: Path) -> None:
    learning_files(tmp_path, 8)
    words = ["learn", "a.net", "--input", "e.npz", "--run-dir"]
    whole = ran(AT_AN_IMPORT, "0", "0", *words, "whole", cwd=tmp_path)
    assert (whole.returncode, whole.stderr) == (0, "")
    imports = int(whole.stdout.splitlines()[-1])
    assert imports > 500
    rng = random.Random(22)
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = f"run{rng.random()}"
        done = ran(AT_AN_IMPORT, str(int(number)), str(rng.randint(1, imports)), *words, run, cwd=tmp_path)
        assert done.returncode == 130
        stopped = f"lapilli: stopped; what was learnt is in {run}: the same command with --resume goes on\n"
        assert done.stderr in ("lapilli: interrupted\n", stopped)
        assert [path for path in tmp_path.rglob("*") if ".part" in path.name] == []


# Raised where Python can only print it: in the destructor of an object.
LOST = """
import os, signal, time
from lapilli.interruption import answer_signals, interruptible


class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)


signal.signal(signal.SIGINT, signal.default_int_handler)
answer_signals()
try:
    with interruptible():
        Ends()
        while True:
            time.sleep(0.01)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_that_python_loses_comes_again(tmp_path: Path) -> None:
    done = ran(LOST, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


AFTERWARDS = """
import atexit, os, signal, sys
from lapilli.interruption import answer_signals, ends_with

answer_signals()
status = ends_with(1)
if sys.argv[1] == "atexit":
    atexit.register(os.kill, os.getpid(), signal.SIGTERM)
else:
    import threading
    # Python waits for it before it calls what was registered.
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
sys.exit(status)
"""


@pytest.mark.parametrize("when", ["atexit", "thread"])
def test_after_the_work_a_signal_changes_nothing(when: str, tmp_path: Path) -> None:
    done = ran(AFTERWARDS, when, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


IGNORED = """
import os, signal
from lapilli.interruption import answer_signals

signal.signal(signal.SIGHUP, signal.SIG_IGN)
answer_signals()
os.kill(os.getpid(), signal.SIGHUP)
print("went on", flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def test_what_a_process_was_started_to_ignore_it_ignores(tmp_path: Path) -> None:
    done = ran(IGNORED, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_signals_wait_for_the_end_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    steps = []
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            with undisturbed():
                signal.raise_signal(signal.SIGINT)
                steps.append("inside")
            steps.append("behind")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps == ["inside"]


def at_work(group: int) -> bool:
    """Whether a command and its two workers compute: each has used a processor for half a second."""
    busy = 0
    for number in alive(group):
        with suppress(OSError):
            stat = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            busy += 2 * sum(map(int, stat[11:13])) > os.sysconf("SC_CLK_TCK")
    return busy >= 3


@pytest.mark.slow
def test_ctrl_c_ends_the_worker_processes_too(tmp_path: Path) -> None:
    files = learning_files(tmp_path, 300)
    # So long that it cannot end before it is interrupted.
    words = ("simulate", files["network"], "--input", files["events"], "--n-steps", "100000", "--backend", "reference")
    command = [sys.executable, "-m", "lapilli", *map(str, words), "--out", "out.npz", "--jobs", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    before = sorted(os.listdir(tmp_path))
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert wait_until(lambda: at_work(process.pid), 300)
            # A terminal sends it to the whole group.
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=300)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "lapilli: interrupted"
    assert "Traceback" not in err
    assert wait_until(lambda: not alive(process.pid), 60)
    assert sorted(os.listdir(tmp_path)) == before
