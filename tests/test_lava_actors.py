"""Watching the processes of a Lava run: what comes late still reaches the caller, and nothing stays behind."""

import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lapilli.simulators.lava.client import installed

if not installed("lava.magma"):
    pytest.skip("lava-nc is not installed", allow_module_level=True)

from lapilli.lava_models import actors


def test_an_error_that_comes_while_the_watch_ends_leaves_the_signal_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, leaving = threading.Event(), threading.Event()

    def errors_after_the_block(runtime: Any) -> Iterator[actors.ChildError]:
        seen.set()
        leaving.wait(10)
        time.sleep(0.2)
        yield actors.ChildError("late", "")

    monkeypatch.setattr(actors, "_errors", errors_after_the_block)

    def block() -> None:
        with actors.actors_watched(SimpleNamespace(runtime=None)):
            assert seen.wait(10)
            leaving.set()

    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(actors.ChildError, match="late"):
        block()
    assert signal.getsignal(signal.SIGUSR1) == before
