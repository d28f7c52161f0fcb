"""Runs samples part by part, decides each, and adds up what was counted, in memory that does not grow with them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Network
from lapilli.simulators.counting import join_counts, summed_counts
from lapilli.simulators.decisions.confusion import Confusion
from lapilli.simulators.decisions.decide import needed_recording, scores
from lapilli.simulators.events import Events
from lapilli.simulators.many import Part, run_parts
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.results import Counts, RunResult
from lapilli.simulators.run import BackendName, Record

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decided:
    """Samples that ran together, and what was decided of each.

    Arguments:
        events: the input, with the samples' labels where they are known.
        result: of the run, with all that was recorded.
        scores: int64, (samples, classes), by which classes are decided; None where none are.
        decisions: int64, (samples,), the class of each sample; None likewise.
    """

    events: Events
    result: RunResult
    scores: Int64 | None
    decisions: Int64 | None


@dataclass(eq=False)
class Totals:
    """What all samples came to.

    Arguments:
        n_samples: that ran.
        confusion: decisions beside labels.
        output_events: events that the output layer sent.
        seconds: that all runs took (`RunResult.seconds`).
        counts: of all samples as if they were one, a row of sums; None where there was no sample.
    """

    n_samples: int = 0
    confusion: Confusion = field(default_factory=Confusion)
    output_events: int = 0
    seconds: float = 0.0
    counts: Counts | None = None

    @property
    def accuracy(self) -> float:
        """Share of the compared decisions that were right.

        Raises:
            LapilliError: when none was compared.
        """
        return self.confusion.accuracy

    @property
    def n_compared(self) -> int:
        """Samples of which a decision was compared with a label."""
        return self.confusion.n_compared

    @property
    def right(self) -> int:
        """Samples that were decided as their label says."""
        return self.confusion.right

    @property
    def operations(self) -> int:
        """Synaptic operations: events that reached synapses times the non-zero weights that each met."""
        return 0 if self.counts is None else int(self.counts.synapse_ops.sum())

    @property
    def spikes(self) -> int:
        """Events that the layers sent; those of the input are not counted."""
        return 0 if self.counts is None else int(self.counts.sent[:, 1:].sum())

    def add(self, part: Decided) -> None:
        """Add what became of some more samples."""
        labels, result = part.events.labels, part.result
        self.n_samples += len(part.events)
        self.output_events += result.spikes.n_events
        self.seconds += result.seconds
        if len(part.events):
            before = [] if self.counts is None else [self.counts]
            self.counts = summed_counts(join_counts([*before, result.counts]))
        if part.scores is not None and part.decisions is not None and labels is not None:
            self.confusion.add(labels, part.decisions, part.scores.shape[1])


def _nothing(part: Decided) -> None:
    """For callers that need the sums alone."""


def run_and_decide(
    network: Network,
    parts: Iterable[Part],
    backend: BackendName | Backend = "fast",
    *,
    decided: bool = True,
    each: Callable[[Decided], object] = _nothing,
    jobs: int = 1,
    scheduler: str | None = None,
    n_steps: int | None = None,
    threads: int | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Totals:
    """Run part by part, decide the class of each sample, and add up.

    Memory: as of `lapilli.simulators.many.run_parts`; of parts that are done, only the sums are kept.

    Arguments:
        network: what to run, with its readout.
        parts: samples and what to record of them; `lapilli.simulators.many.parts_of` makes them of `Events`, an event
            file or a data set. What deciding needs is recorded of all of them.
        decided: whether to decide; `why_undecided` says where it has no meaning.
        each: called with each part when it is done, in order: with the decisions and scores of its samples, and all
            that was recorded.
        backend, jobs, scheduler, n_steps, threads, time_limit_s, progress: as in `run_parts`.

    Raises:
        LapilliError: as `run_parts`, or when the network does not say how it decides and is to.
    """
    needed = needed_recording(network) if decided else {}
    recorded = (Part(part.events, _joined(part.record, needed)) for part in parts)
    totals = Totals()
    for part, result in run_parts(
        network, recorded, backend, jobs=jobs, scheduler=scheduler, n_steps=n_steps, threads=threads,
        time_limit_s=time_limit_s, progress=progress,
    ):  # fmt: skip
        found = scores(result, network) if decided else None
        done = Decided(part.events, result, found, None if found is None else found.argmax(axis=1))
        totals.add(done)
        each(done)
    return totals


def _joined(record: Record, needed: Mapping[str, frozenset[str]]) -> Record:
    return {**record, **{name: {*record.get(name, ()), *states} for name, states in needed.items()}}
