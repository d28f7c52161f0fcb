"""The parent's side of the `loihi2` worker: one for this process, which knows the latency of its board."""

import atexit
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.simulators.lava.client import LavaWorker
from lapilli.simulators.lava.job import LavaJob, save_network
from lapilli.simulators.loihi2.latency import N_STEPS, Latency, known_events, known_network, latency_of
from lapilli.simulators.loihi2.worker import WITHOUT_MODEL


class Board:
    """A worker and the board behind it."""

    def __init__(self) -> None:
        self.worker = LavaWorker("lapilli.simulators.loihi2.worker")
        self._latency: Latency | None = None

    def run(self, job: LavaJob, folder: Path, deadline: float | None, limit_s: float | None) -> float:
        """As `LavaWorker.run`.

        Raises:
            UnsupportedError: when the extension has no model for the chip of something in the graph.
        """
        seconds = self.worker.run(job, folder, deadline, limit_s)
        if (missing := folder / WITHOUT_MODEL).exists():
            names = ", ".join(json.loads(missing.read_text()))
            raise UnsupportedError("backend loihi2", [f"the installed extension has no neurocore model of {names}"])
        return seconds

    def latency(self, deadline: float | None, limit_s: float | None) -> Latency:
        """Latency of the board, measured with the first call.

        Raises:
            LavaRunError: when it answers a known network wrongly; else as `run`.
        """
        if self._latency is None:
            folder = self.worker.new_folder()
            network, events = known_network(), known_events()
            save_network(network, folder / "network.npz")
            job = LavaJob(
                graph="builder",
                network=str(folder / "network.npz"),
                n_inputs=network.n_inputs,
                graded_input=False,
                n_steps=N_STEPS,
                layers=tuple(layer.name for layer in network.layers),
                states=(),
                interval=None,
                offsets=(),
                step=events.step,
                neuron=events.neuron,
                value=np.ones(events.n_events, np.int32),
            )
            self.run(job, folder, deadline, limit_s)
            self._latency = latency_of(np.load(folder / "0.spikes.npy"))
        return self._latency


_lock = threading.Lock()
_boards: list[Board] = []


@contextmanager
def shared_board() -> Iterator[Board]:
    """This process's one board, for the length of the block; a new one where there is none."""
    with _lock:
        if not _boards or not _boards[0].worker.process.usable:
            leave_board()
            _boards.append(Board())
        yield _boards[0]


def leave_board() -> None:
    """End the worker; the next run starts a new one."""
    while _boards:
        _boards.pop().worker.process.close()


atexit.register(leave_board)
