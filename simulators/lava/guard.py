"""A child process in a session of its own that never outlives its use: time limit, orderly kill, watchdog. Linux only.

The child and all that it forks form one process group. Killing that group is the only way to end a Lava run that hangs.
A parent that is killed cannot do it: so a second tiny process, the watchdog, waits until the parent is gone, then kills
the group, unlinks its shared memory and removes its folder. It runs this file by path, without site packages: this
module needs the standard library only.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SHARED_MEMORY_FOLDER = Path("/dev/shm")

_KILL_S = 10.0
_DEATH_S = 1.0
_POLL_S = 0.005


class ChildTimeoutError(Exception):
    """The child did not answer in time; it has been killed."""


class ChildDiedError(Exception):
    """The child ended without an answer; what it left has been removed."""


class GuardedProcess:
    """A child that answers one line for each line that it is sent.

    Arguments:
        command: program and arguments. The child must send its answers to standard output and end when standard input
            does; what it writes to standard error lands in the file `log` of its folder.
        environment: variables on top of this process's own. `LAPILLI_SHARED_MEMORY` names the prefix that the child
            must give to the names of its shared memory.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # Not above: the watchdog has no packages.
        from lapilli.netx_exports.undisturbed import undisturbed

        with undisturbed():
            self._start(command, environment)

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lapilli-"))
        self.shared_memory = f"{self.folder.name}-"
        self._owner = os.getpid()
        self._unread = b""
        self._log = self.folder / "log"
        with open(self._log, "wb") as log:
            self._child = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                # `python -m` puts the current folder before all others: it must hold nothing.
                cwd=self.folder,
                env={**os.environ, **environment, "LAPILLI_SHARED_MEMORY": self.shared_memory},
            )
        try:
            self._child_handle = os.pidfd_open(self._child.pid)
            self._watchdog = _start_watchdog(self._child.pid, self.shared_memory, self.folder)
        except BaseException:
            clean_up(self._child.pid, self.shared_memory, self.folder, reap=self._child)
            raise

    @property
    def group(self) -> int:
        """Id of the child's process group."""
        return self._child.pid

    @property
    def usable(self) -> bool:
        """Whether the child lives and belongs to this very process, not to one that forked it."""
        if os.getpid() != self._owner or self._child_handle < 0:
            return False
        # Asking does not reap a dead child: as long as it is not reaped, no other process can get its group's id.
        return not select.select([self._child_handle], [], [], 0)[0]

    @property
    def log(self) -> str:
        """What the child wrote to standard error."""
        try:
            return self._log.read_text(errors="replace")
        except OSError:
            return ""

    def ask(self, line: str, deadline: float | None = None) -> str:
        """Send a line, wait for the answering one.

        Arguments:
            line: without a newline.
            deadline: on `time.monotonic`'s clock; None: no limit.

        Raises:
            ChildTimeoutError: when the deadline passes.
            ChildDiedError: when the child ends first; its message is the end of the log, or the signal that killed it.
            BaseException: whatever interrupts the wait. After any of these the child and its group are gone.
        """
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()
        return self.receive(deadline)

    def receive(self, deadline: float | None = None) -> str:
        """Wait for the next line. Arguments and errors as those of `ask`."""
        try:
            return self._read_line(deadline)
        except ChildDiedError:
            last_words = self.log.strip()[-2000:]
            # A dying process closes its pipes a moment before it is dead.
            died = bool(select.select([self._child_handle], [], [], _DEATH_S)[0])
            self.kill()
            raise ChildDiedError(last_words or (_killed(self._child.returncode) if died else "")) from None
        except BaseException:
            self.kill()
            raise

    def _read_line(self, deadline: float | None) -> str:
        assert self._child.stdout is not None
        answers = self._child.stdout.fileno()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        # The pipe does not end with the child: what it forked holds it open.
        poll.register(self._child_handle, select.POLLIN)
        while b"\n" not in self._unread:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise ChildTimeoutError
            ready = [handle for handle, _ in poll.poll(None if left is None else left * 1000)]
            if answers in ready:
                self._unread += (received := os.read(answers, 1 << 16))
                if not received:
                    raise ChildDiedError
            elif ready:
                raise ChildDiedError
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """Let the child end by itself, which a healthy idle one does at once, and remove what is left."""
        if os.getpid() != self._owner:
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            assert self._child.stdin is not None
            self._child.stdin.close()
            self._child.wait(1)
        self.kill()

    def kill(self) -> None:
        """Kill the child and everything it started; free its shared memory, its folder and this object's handles."""
        if os.getpid() != self._owner or self._child_handle < 0:
            return
        clean_up(self._child.pid, self.shared_memory, self.folder, reap=self._child)
        self._watchdog.kill()
        self._watchdog.wait()
        os.close(self._child_handle)
        self._child_handle = -1
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()


def _killed(status: int | None) -> str:
    """What killed a process, from its status; nothing where it ended by itself."""
    return f"killed by signal {-status}" if status is not None and status < 0 else ""


def clean_up(group: int, shared_memory: str, folder: Path, reap: "subprocess.Popen[bytes] | None" = None) -> None:
    """Kill a process group, wait until it is gone, then unlink its shared memory and remove its folder.

    Arguments:
        group: id of the group, that of its first process.
        shared_memory: prefix of the names of its segments.
        folder: to remove.
        reap: the first process, where it is our child. Until someone waits for it, its id stays taken.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    ends = time.monotonic() + _KILL_S
    while _lives(group) and time.monotonic() < ends:
        time.sleep(_POLL_S)
    if reap is not None:
        reap.wait()
    for segment in leaked_segments(shared_memory):
        segment.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _lives(group: int) -> bool:
    """Whether a process of the group still runs. Zombies do not, but the kernel counts them until someone waits."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group = file.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state not in "ZX":
                return True
    return False


def leaked_segments(shared_memory: str) -> list[Path]:
    """Shared memory segments and semaphores that exist now and have a name with this prefix."""
    names = (shared_memory, f"sem.{shared_memory}")
    return [path for path in SHARED_MEMORY_FOLDER.glob("*") if path.name.startswith(names)]


def _start_watchdog(group: int, shared_memory: str, folder: Path) -> "subprocess.Popen[bytes]":
    parent = os.pidfd_open(os.getpid())
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(parent), str(group), shared_memory, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(parent,),
        )
    finally:
        os.close(parent)


if __name__ == "__main__":
    select.select([int(sys.argv[1])], [], [])
    clean_up(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
