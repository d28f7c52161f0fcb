"""Runs a case over the whole event file, in memory that holds a few parts of it: counts, bill, accuracy, samples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.profile.activity import Activity, Chosen, activity_of
from lapilli.profile.cases import Case
from lapilli.simulators.bill import Bill, BusiestCore, CostTable, bill_of, busiest_cores
from lapilli.simulators.bill.kinds import Amount
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.counting import join_counts
from lapilli.simulators.decisions.confusion import Confusion
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.many import Part, parts_of
from lapilli.simulators.results import Counts
from lapilli.sources.inputs import Inputs


@dataclass(frozen=True)
class Profile:
    """What a network did and what that costs.

    Arguments:
        case: what ran.
        counts: of all samples.
        amounts: what the counts become by the bill's rules, with the network's own widths.
        cores: busiest core of each layer.
        bill: estimates.
        confusion: decisions beside labels; None where `case.why_no_accuracy` says why.
        activity: of a few samples, step by step; None where it was not asked for.
    """

    case: Case
    counts: Counts
    amounts: tuple[Amount, ...]
    cores: tuple[BusiestCore, ...]
    bill: Bill
    confusion: Confusion | None
    activity: Activity | None

    @property
    def network(self) -> Network:
        """What ran."""
        return self.case.network

    @property
    def accuracy(self) -> float | None:
        """Share of right decisions; None where `case.why_no_accuracy` says why."""
        return None if self.confusion is None else self.confusion.accuracy


def measure(
    case: Case,
    file: Inputs,
    backend: Any,
    tables: Sequence[CostTable],
    *,
    closer: bool,
    each: Callable[[Decided], object],
    progress: Callable[[int], None],
    **engine: Any,
) -> Profile:
    """Profile one case.

    Counts are of every sample. The activity by step is of a few samples, which run once more with their spikes
    recorded; nothing is billed from it.

    Arguments:
        case: what to run.
        file: the input.
        backend, progress, engine: as in `run_and_decide`.
        tables: to bill by.
        closer: whether to look at the activity by step.
        each: called with each part when it is done, in order.

    Raises:
        LapilliError: as `run_and_decide` and `bill_of`.
    """
    network, total, chosen = case.network, CountsSum(), Chosen.evenly(len(file) if closer else 0)

    def look(part: Decided) -> None:
        chosen.keep(part.events, part.result.counts)
        total.add(part.result.counts)
        each(part)

    ran = run_and_decide(
        network,
        _parts(file, case),
        backend,
        decided=not case.why_undecided,
        each=look,
        n_steps=case.n_steps,
        progress=progress,
        **engine,
    )
    counts = total.joined()
    return Profile(
        case,
        counts,
        tuple(spiking_amounts(network, counts)),
        busiest_cores(network, counts),
        bill_of(network, counts, case.input_steps, tables),
        None if case.why_no_accuracy else ran.confusion,
        activity_of(case, chosen) if closer else None,
    )


class CountsSum:
    """Counts of all parts of a file: the rows of every sample, and of neurons those of a few parts at a time."""

    def __init__(self) -> None:
        self._blocks: list[tuple[int, Counts]] = []

    def add(self, counts: Counts) -> None:
        """Append the counts of the next part; blocks of the same size become one, so that few are held."""
        self._blocks.append((1, counts))
        while len(self._blocks) > 1 and self._blocks[-1][0] == self._blocks[-2][0]:
            (size, last), (_, before) = self._blocks.pop(), self._blocks.pop()
            self._blocks.append((2 * size, join_counts([before, last])))

    def joined(self) -> Counts:
        """All of them, in order."""
        return join_counts([counts for _, counts in self._blocks])


def amounts_by_layer(amounts: Sequence[Amount]) -> dict[str, dict[str, int]]:
    """Sum of each kind in each layer ("input" first), over all samples."""
    found: dict[str, dict[str, int]] = {}
    for amount in amounts:
        of_layer = found.setdefault(amount.layer, {})
        of_layer[amount.kind] = of_layer.get(amount.kind, 0) + amount.number
    return found


def mean(column: npt.NDArray[np.int64]) -> float:
    """Mean of a counter over the samples."""
    return int(column.sum()) / len(column)


def _parts(file: Inputs, case: Case) -> Iterator[Part]:
    for part in parts_of(file):
        yield part if case.input_steps == file.n_steps else Part(part.events.with_steps(case.input_steps), {})
