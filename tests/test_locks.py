"""One process at a time: who holds a lock is named, a dead one holds none, leftovers of the dead are removed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from leftovers import left_by_a_dead_process

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import part_prefix, remove_leftovers, replacing
from lapilli.netx_exports.locks import InUseError, locked, waited_for

ROOT = Path(__file__).resolve().parent.parent

HOLDER = """
import sys
from pathlib import Path
from lapilli.netx_exports.locks import locked

with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read(1)
"""

WAITER = """
import sys
from pathlib import Path
from lapilli.netx_exports.locks import waited_for

path = Path(sys.argv[1])
with waited_for(path, "it", lambda text: print(text, flush=True)):
    number = path.with_name("count")
    before = int(number.read_text())
    number.write_text(str(before + 1))
"""


def started(program: str, lock: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", program, str(lock)]
    return subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def held_elsewhere(lock: Path) -> Iterator["subprocess.Popen[str]"]:
    with started(HOLDER, lock) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_who_holds_it_is_named(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with held_elsewhere(lock) as process:
        said = rf"^run folder r is in use by process {process.pid}$"
        with pytest.raises(InUseError, match=said), locked(lock, "run folder r"):
            raise AssertionError("two hold it")
        assert lock.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_lets_go(number: int, tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with held_elsewhere(lock) as process:
        process.send_signal(number)
        process.wait()
    with locked(lock, "it"):
        assert lock.read_text().split()[0] == str(os.getpid())
    assert not lock.exists()


def test_one_process_holds_it_once(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    said = rf"in use by process {os.getpid()}"
    with locked(lock, "it"), pytest.raises(InUseError, match=said), locked(lock, "it"):
        raise AssertionError("held twice")
    with locked(lock, "it"):
        pass


def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    reading, writing = os.pipe()
    with locked(lock, "it"):
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    try:
        with locked(lock, "it"):
            pass
    finally:
        os.close(reading)
        os.close(writing)
        os.waitpid(child, 0)


def test_those_who_wait_come_one_after_the_other(tmp_path: Path) -> None:
    """None finds a file that whoever held it has removed meanwhile."""
    lock, count = tmp_path / ".lock", tmp_path / "count"
    count.write_text("0")
    with waited_for(lock, "it", print):
        waiters = [started(WAITER, lock) for _ in range(4)]
        said = [waiter.stdout.readline() for waiter in waiters if waiter.stdout]
        assert said == [f"it is in use by process {os.getpid()}; waiting for it\n"] * 4
        assert count.read_text() == "0"
    for waiter in waiters:
        waiter.communicate()
        assert waiter.returncode == 0
    assert count.read_text() == "4"


def test_what_is_not_ours_is_no_lock(tmp_path: Path) -> None:
    victim, lock = tmp_path / "victim", tmp_path / ".lock"
    victim.write_text("4711 somebody's")
    for make, reason in (
        (lambda: lock.symlink_to(victim), "is no lock of lapilli: move it away"),
        (lambda: lock.write_text("my notes"), "is no lock of lapilli: move it away"),
        (lambda: lock.write_text("12 " + "a" * 400), "is no lock of lapilli: move it away"),
        (lambda: os.mkfifo(lock), "is no lock of lapilli: move it away"),
    ):
        make()
        before = lock.lstat()
        with pytest.raises(LapilliError, match=reason), locked(lock, "it"):
            raise AssertionError("held")
        assert lock.lstat().st_size == before.st_size
        assert lock.lstat().st_ino == before.st_ino
        lock.unlink()
    assert victim.read_text() == "4711 somebody's"
    # One that a dead process left, and one that it had no time to write.
    for content in ("4194304 elsewhere", ""):
        lock.write_text(content)
        with locked(lock, "it"):
            assert lock.read_text().split()[0] == str(os.getpid())
        assert not lock.exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(LapilliError, match=r"cannot write .*none/\.lock: No such file"),
        locked(tmp_path / "none" / ".lock", "it"),
    ):
        raise AssertionError("held")


def test_what_dead_processes_left_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    target = tmp_path / "out.npz"
    dead, other = left_by_a_dead_process(target), left_by_a_dead_process(tmp_path / "other.npz")
    living = tmp_path / f"{part_prefix('out.npz')}x1y2.part"
    elsewhere = tmp_path / f".out.npz.01234567-{2**30}.x1y2.part"
    older = tmp_path / ".out.npz.ab12.part"
    for path in (dead, other, living, elsewhere, older):
        path.touch()
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert sorted(tmp_path.iterdir()) == sorted([target, other, living, elsewhere, older])
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([target, living, elsewhere])
