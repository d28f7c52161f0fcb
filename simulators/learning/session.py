"""A learning run over many samples that can stop at any time and go on exactly: stretches of samples, and a record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.simulators.learning.config import LearningConfig
from lapilli.simulators.learning.learner import LearningBackend, checked_labels
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import identity_of, learn_recorded, start_record
from lapilli.simulators.plan import _ignore

Int64 = npt.NDArray[np.int64]

AT_ONCE = 16
"""Samples learnt between two looks at the clock."""


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
        if self.shuffle_seed is not None and self.shuffle_seed < 0:
            raise LapilliError(f"shuffle: must be at least 0, got {self.shuffle_seed}")
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

    def order_of(self, record: LearningRecord) -> Int64:
        """Which sample of `events` each one of the record is."""
        return self.order[: len(record)]

    @property
    def labels(self) -> Int64:
        """Of all samples, in the order in which they are learnt."""
        return checked_labels(self.events, self.network.output.size)[self.order]

    @property
    def identity(self) -> bytes:
        """SHA-256 of all that decides what is learnt."""
        digest = identity_of(self, self.epochs, self.shuffle_seed)
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
        record = start_record(self, record_path, resume)
        rest = self.order[len(record) :]
        progress(len(record))
        stretches = (self.events.select(rest[first : first + AT_ONCE]) for first in range(0, len(rest), AT_ONCE))
        return learn_recorded(self, stretches, record, record_path, lambda learned: progress(len(learned.decisions)))
