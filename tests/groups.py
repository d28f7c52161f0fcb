"""Looks from outside at what a process group has left behind."""

import time
from collections.abc import Callable
from pathlib import Path

from lapilli.simulators.lava.guard import leaked_segments


def alive(group: int) -> list[int]:
    """Processes of the group that are not mere zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ProcessLookupError):
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> bool:
    """Whether the condition comes true in time."""
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return False


def assert_nothing_left(group: int, shared_memory: str, folder: Path) -> None:
    """No process, no shared memory, no folder."""
    assert wait_until(lambda: not alive(group)), f"processes {alive(group)} of group {group} are left"
    assert wait_until(lambda: not leaked_segments(shared_memory)), leaked_segments(shared_memory)
    assert wait_until(lambda: not folder.exists()), f"{folder} is left"
