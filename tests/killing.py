"""Trainings that kill themselves, each in a process of its own, forked from one that has imported everything once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

# Nothing is trained in the process that forks, so it has no thread but the one that is forked.
_SERVER = """
import json, os, sys, traceback
{setup}
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            train_until_killed(*json.loads(line))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
# Taking down what was imported takes seconds.
os._exit(0)
"""


@contextmanager
def killer(setup: str) -> Iterator[Callable[..., None]]:
    """A function that lets a training kill itself.

    Arguments:
        setup: a program that defines `train_until_killed`; its arguments are those of the function.
    """
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    command = [sys.executable, "-c", _SERVER.format(setup=setup)]
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )

        def kill(*arguments: object) -> None:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(arguments, default=str) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            log.seek(0)
            assert answer == f"{-signal.SIGKILL}\n", log.read()

        try:
            yield kill
        finally:
            process.communicate()
