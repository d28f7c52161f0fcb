"""A learning run over many samples that can stop at any time and go on exactly: stretches of samples, and a record."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netx_exports.errors import LapilliError
from netx_exports.network import Network
from simulators.events import Events
from simulators.learning.config import LearningConfig
from simulators.learning.learner import LearningBackend, checked_labels, initial_state, learn
from simulators.learning.parts import learning_part
from simulators.learning.plan import learned_network
from simulators.learning.record import LearningRecord, load_record, new_record, save_record
from simulators.plan import _ignore

Int64 = npt.NDArray[np.int64]

AT_ONCE = 16
"""Samples learnt between two looks at the clock."""

SAVE_S = 5.0
"""Seconds between two records on disk."""


@dataclass(frozen=True, eq=False)
class LearningSession:
    """Everything that a learning run is given.

    Arguments:
        network, config, layers, backend: as of `learn`.
        events: all samples, with labels.
        n_steps: steps of each sample.
        epochs: how often all samples are learnt.
        shuffle_seed: of their order, another one in each epoch; None: as they come.
        time_limit_s: for a Lava run of a stretch of samples.
    """

    network: Network
    events: Events
    config: LearningConfig
    layers: Sequence[str | int] | None
    n_steps: int
    epochs: int = 1
    shuffle_seed: int | None = None
    backend: LearningBackend = "fast"
    time_limit_s: float | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise LapilliError(f"epochs: must be at least 1, got {self.epochs}")
        if not len(self.events):
            raise LapilliError("learning needs at least one sample")
        checked_labels(self.events, self.network.output.size)

    @property
    def order(self) -> Int64:
        """Which sample of `events` is learnt when."""
        numbers = np.arange(len(self.events))
        if self.shuffle_seed is None:
            return np.tile(numbers, self.epochs)
        generator = np.random.default_rng(self.shuffle_seed)
        return np.concatenate([generator.permutation(numbers) for _ in range(self.epochs)])

    @property
    def identity(self) -> bytes:
        """SHA-256 of all that decides what is learnt."""
        digest = hashlib.sha256(self.network.fingerprint.encode())
        options = (self.config.as_dict(), list(self.layers or ()), self.n_steps, self.epochs, self.shuffle_seed)
        digest.update(json.dumps([*options, self.backend, sorted(self.network.metadata.items())]).encode())
        for name in ("step", "neuron", "offsets", "labels"):
            digest.update(np.ascontiguousarray(getattr(self.events, name)).tobytes())
        return digest.digest()

    def run(self, record_path: Path, resume: bool = False, progress: Callable[[int], None] = _ignore) -> LearningRecord:
        """Learn all samples; what is reached is on disk every few seconds, and when the run is interrupted.

        Arguments:
            record_path: file of the record.
            resume: go on from the file where there is one.
            progress: called with the number of samples finished since its last call, those of before at once.

        Raises:
            KeyboardInterrupt: after what was learnt has been written.
            RecordError: when the file is of another run.
        """
        identity, order = self.identity, self.order
        record = new_record(initial_state(self.network, self.config, self.layers, self.n_steps))
        if resume and record_path.exists():
            record = load_record(record_path, identity, [weights.shape for weights in record.state.weights])
        progress(len(record))
        saved = time.monotonic()
        try:
            while len(record) < len(order):
                chosen = self.events.select(order[len(record) : len(record) + AT_ONCE])
                learned = learn(
                    self.network, chosen, self.config, layers=self.layers, n_steps=self.n_steps, state=record.state,
                    backend=self.backend, time_limit_s=self.time_limit_s,
                )  # fmt: skip
                record = record.extended(learned)
                progress(len(chosen))
                if time.monotonic() > saved + SAVE_S:
                    save_record(record_path, record, identity)
                    saved = time.monotonic()
        finally:
            # A stretch that was cut short has changed nothing: it is learnt anew when the run goes on.
            save_record(record_path, record, identity)
        return record

    def learned(self, record: LearningRecord) -> Network:
        """The network with what was learnt."""
        return learned_network(learning_part(self.network, self.layers), record.state.weights)
