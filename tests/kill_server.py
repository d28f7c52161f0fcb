"""Runs commands in processes that are forked from this one, and sends each a signal at the moment that it is told.

    python tests/kill_server.py

reads a line of JSON for each command, {"words", "folder", "signal", "seconds", "event"}, and answers {"status",
"stdout", "stderr", "seconds", "events"}. Whatever the commands import is imported here, once, before the first of them.
"""

import importlib
import json
import mmap
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from timed_recordings import NAME, TICKS

from lapilli import interruption
from lapilli.commands import learn, simulate, train  # noqa: F401
from lapilli.simulators import Events
from lapilli.simulators import run as run_network
from lapilli.simulators.learning import recorded, session
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.recipes import surrogate_gradient  # noqa: F401

COUNTED = ("open", "import", "os.", "shutil.", "tempfile.", "fcntl.", "subprocess.", "socket.")
"""Beginnings of the names of events that are moments: what reaches files and modules."""

SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def prepare() -> None:
    """What takes long the first time, and a record after each sample, so that kills meet many that are written."""
    # A shell lets what it starts in the background ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    DATA_SETS[NAME] = TICKS
    recorded.SAVE_S, session.AT_ONCE = -1.0, 1
    import numpy as np

    network = fresh_network((4,), [3], 2, 0)
    events = Events.from_dense(np.ones((2, 4, 3), int), [0, 1])
    for threads in (1, 2):
        run_network(network, events, threads=threads)
    importlib.import_module("lapilli.simulators.learning.learner").learn(network, events)


def kill_at(event: int | None, number: int, counter: mmap.mmap) -> None:
    """Count the moments of this process, and send it a signal at one of them."""

    def count(name: str, arguments: Any) -> None:
        if name.startswith(COUNTED) and not name.startswith("os.kill"):
            seen = int.from_bytes(counter[:8], "little") + 1
            counter[:8] = seen.to_bytes(8, "little")
            if seen == event:
                os.kill(os.getpid(), number)

    sys.addaudithook(count)


def run(order: dict[str, Any], counter: mmap.mmap) -> dict[str, Any] | None:
    """Run a command; None in its own process."""
    counter[:8] = bytes(8)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    folder, started = Path(order["folder"]), time.monotonic()
    if (child := os.fork()) == 0:
        os.chdir(folder)
        for handle, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), handle)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["lapilli", *order["words"]]
        interruption.answer_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        kill_at(order.get("event"), order.get("signal", 0), counter)
        return None
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if order.get("seconds") is not None:
        ended = os.pidfd_open(child)
        if not select.select([ended], [], [], order["seconds"])[0]:
            os.kill(child, order["signal"])
        os.close(ended)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    words = {name: (folder / name).read_text(errors="replace") for name in ("stdout", "stderr")}
    events = int.from_bytes(counter[:8], "little")
    return {"status": status, "seconds": time.monotonic() - started, "events": events, **words}


def serve() -> bool:
    """Answer until the standard input ends; True in the process of a command."""
    answers = os.fdopen(os.dup(1), "w")
    counter = mmap.mmap(-1, 8)
    for line in sys.stdin:
        if (answer := run(json.loads(line), counter)) is None:
            return True
        print(json.dumps(answer), file=answers, flush=True)
    return False


if __name__ == "__main__":
    prepare()
    if serve():
        from lapilli.__main__ import main

        sys.exit(main())
    # Taking down what was imported takes seconds.
    os._exit(0)
