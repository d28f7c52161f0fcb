"""A guarded child never outlives its use, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from groups import alive, assert_nothing_left, wait_until

from lapilli.simulators.lava.guard import ChildDiedError, ChildTimeoutError, GuardedProcess, leaked_segments

# Echoes lines; some of them are orders.
CHILD = """
import os, subprocess, sys, time
from multiprocessing import shared_memory
for line in sys.stdin:
    order = line.strip()
    if order == "fork":
        subprocess.Popen(["sleep", "1000"], stdout=sys.stdout)
    if order == "segment":
        open("/dev/shm/" + os.environ["LAPILLI_SHARED_MEMORY"] + "x", "w").close()
        open("/dev/shm/sem." + os.environ["LAPILLI_SHARED_MEMORY"] + "x", "w").close()
    if order == "sleep":
        time.sleep(1000)
    if order == "die":
        print("last words", file=sys.stderr)
        os.kill(os.getpid(), 9)
    print(order, os.environ["COLOUR"], flush=True)
"""


@pytest.fixture
def child():
    guarded = GuardedProcess([sys.executable, "-c", CHILD], {"COLOUR": "red"})
    yield guarded
    guarded.kill()


def test_a_child_answers_each_line(child):
    assert child.ask("one") == "one red"
    assert child.ask("two", time.monotonic() + 60) == "two red"
    assert child.usable


def test_closing_ends_a_child_and_what_it_started(child):
    child.ask("fork")
    child.ask("segment")
    assert len(alive(child.group)) == 2
    assert len(leaked_segments(child.shared_memory)) == 2
    child.close()
    assert not child.usable
    assert_nothing_left(child.group, child.shared_memory, child.folder)


def test_a_child_that_is_late_is_killed_with_its_group(child):
    child.ask("fork")
    child.ask("segment")
    started = time.monotonic()
    with pytest.raises(ChildTimeoutError):
        child.ask("sleep", time.monotonic() + 0.3)
    assert time.monotonic() - started < 10
    assert_nothing_left(child.group, child.shared_memory, child.folder)


def test_a_child_that_dies_is_noticed_although_its_own_child_holds_the_pipe(child):
    child.ask("fork")
    with pytest.raises(ChildDiedError, match="last words"):
        child.ask("die", time.monotonic() + 60)
    assert not child.usable
    assert_nothing_left(child.group, child.shared_memory, child.folder)


def test_a_child_that_ended_while_idle_is_not_usable(child):
    os.kill(child.group, signal.SIGKILL)
    assert wait_until(lambda: not child.usable)
    with pytest.raises(ChildDiedError):
        child.ask("one")
    assert_nothing_left(child.group, child.shared_memory, child.folder)


def test_a_forked_copy_neither_uses_nor_kills_the_child(child):
    if (forked := os.fork()) == 0:
        usable = child.usable
        child.close()
        child.kill()
        os._exit(int(usable))
    assert os.waitpid(forked, 0)[1] == 0
    assert child.ask("still here") == "still here red"


def test_the_watchdog_cleans_up_after_a_killed_parent(tmp_path):
    script = f"""
import sys
from lapilli.simulators.lava.guard import GuardedProcess
child = GuardedProcess([sys.executable, "-c", {CHILD!r}], {{"COLOUR": "red"}})
child.ask("fork"); child.ask("segment")
print(child.group, child.shared_memory, child.folder, flush=True)
child.ask("sleep")
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    ) as parent:
        assert parent.stdout is not None
        group, shared_memory, folder = parent.stdout.readline().decode().split()
        assert len(alive(int(group))) == 2
        assert len(leaked_segments(shared_memory)) == 2
        parent.kill()
    assert_nothing_left(int(group), shared_memory, Path(folder))
