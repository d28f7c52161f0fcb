"""Learning from samples that come one by one and cannot be asked for again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.simulators.learning.config import LearningConfig
from lapilli.simulators.learning.labelled_lines import StreamHeader
from lapilli.simulators.learning.learner import Learned, LearningBackend, LearningState, learn
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import identity_of, learn_recorded, start_record
from lapilli.simulators.run import check_events


def learn_each(
    network: Network,
    samples: Iterable[Events],
    config: LearningConfig = LearningConfig(),
    *,
    layers: Sequence[str | int] | None = None,
    n_steps: int | None = None,
    state: LearningState | None = None,
    backend: LearningBackend = "fast",
    time_limit_s: float | None = None,
) -> Iterator[Learned]:
    """Decide each sample and learn from it before the next one is asked for.

    Arguments:
        samples: `Events` with labels, usually of one sample each.
        network, config, layers, n_steps, state, backend, time_limit_s: as of `learn`.

    Yields:
        What became of the network with each of them: its decision, and a state that goes on.

    Raises:
        LapilliError: as of `learn`, at the sample that is wrong.
    """
    for sample in samples:
        learned = learn(
            network, sample, config, layers=layers, n_steps=n_steps, state=state, backend=backend,
            time_limit_s=time_limit_s,
        )  # fmt: skip
        state = learned.state
        yield learned


@dataclass(frozen=True)
class Answer:
    """What was decided of a sample, which is learnt by now.

    Arguments:
        number: of the sample in the run, from 0.
        label, decided: its class, and the one that was decided before it was learnt.
    """

    number: int
    label: int
    decided: int


@dataclass(frozen=True, eq=False)
class StreamSession:
    """Everything that learning from a stream is given, but for the samples.

    A run that was interrupted goes on with the samples that come next: a stream cannot be replayed.

    Arguments:
        network, config, layers, n_steps, backend, time_limit_s: as of `LearningSession`.
        header: what the samples are.

    Raises:
        LapilliError: when they do not fit the network.
    """

    network: Network
    header: StreamHeader
    config: LearningConfig
    layers: Sequence[str | int] | None
    n_steps: int
    backend: LearningBackend = "fast"
    time_limit_s: float | None = None

    def __post_init__(self) -> None:
        nothing = np.zeros(0, np.int64)
        check_events(self.network, self.header.sample(0, nothing, nothing))
        if self.header.n_classes > self.network.output.size:
            limit = f"at most {self.network.output.size}, the neurons of the readout"
            raise LapilliError(f"classes: must be {limit}, got {self.header.n_classes}")

    @property
    def epochs(self) -> int:
        """How often each sample is learnt."""
        return 1

    def order_of(self, record: LearningRecord) -> npt.NDArray[np.int64]:
        """Numbers of the record's samples in the stream, or streams: as they came."""
        return np.arange(len(record))

    @property
    def labels(self) -> None:
        """Nobody knows those of the samples that will come."""

    @property
    def identity(self) -> bytes:
        """SHA-256 of all that decides what is learnt, but for the samples."""
        header = [list(self.header.shape), self.header.n_steps, self.header.n_classes]
        return identity_of(self, "stream", header).digest()

    def run(
        self,
        samples: Iterable[Events],
        record_path: Path,
        resume: bool = False,
        answer: Callable[[Answer], None] = lambda answer: None,
    ) -> LearningRecord:
        """Learn each sample before the next one is asked for; what was learnt is on disk, whatever ends the run.

        Arguments:
            samples: with labels, as the header says.
            record_path: file of the record.
            resume: go on from the file where there is one.
            answer: called with each sample that is decided and learnt.

        Raises:
            RecordError: when the file is of another run.
            LapilliError: for no sample at all, after one run or several.
        """
        record = start_record(self, record_path, resume)
        number = len(record)

        def told(learned: Learned) -> None:
            nonlocal number
            for label, decided in zip(learned.labels.tolist(), learned.decisions.tolist()):
                answer(Answer(number, label, decided))
                number += 1

        record = learn_recorded(self, samples, record, record_path, told)
        if not len(record):
            raise LapilliError("learning needs at least one sample")
        return record
