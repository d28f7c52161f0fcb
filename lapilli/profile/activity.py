"""A closer look at a few samples: what each layer did in each step, and every spike of one of them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import INPUT, LapilliError
from lapilli.profile.cases import Case
from lapilli.simulators.counting import step_counts, synapse_names
from lapilli.simulators.events import Events
from lapilli.simulators.results import Counts
from lapilli.simulators.run import run

SAMPLES = 32
"""Samples to look at, evenly spread over the file."""

MOST_EVENTS = 4_000_000
"""Events of all of them together; samples beyond are left out."""

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """Of a few samples.

    Arguments:
        samples: their numbers in the file, rising.
        sent: events of the input and of each layer, by name, mean over the samples: (steps,).
        syn_ops: operations of each layer, likewise.
        raster: spikes of the first of the samples, by name; empty where there are no samples.
        label: its label, None where the file has none.
    """

    samples: tuple[int, ...]
    sent: dict[str, Float64]
    syn_ops: dict[str, Float64]
    raster: dict[str, Events]
    label: int | None


@dataclass
class Chosen:
    """Samples picked while the file passes by.

    Arguments:
        wanted: numbers of samples, rising.
        kept: of each that is held: number, input, counts of events and operations.
    """

    wanted: npt.NDArray[np.int64]
    kept: list[tuple[int, Events, npt.NDArray[np.int64], npt.NDArray[np.int64]]] = field(default_factory=list)
    passed: int = 0
    events: int = 0

    @classmethod
    def evenly(cls, n_samples: int) -> "Chosen":
        """At most `SAMPLES` of a file, the first and the last among them."""
        places = np.linspace(0, max(0, n_samples - 1), min(SAMPLES, n_samples))
        return cls(np.unique(np.rint(places).astype(np.int64)))

    def keep(self, events: Events, counts: Counts) -> None:
        """Keep what is wanted of the next samples of the file."""
        low, high = np.searchsorted(self.wanted, [self.passed, self.passed + len(events)])
        for number in self.wanted[low:high].tolist():
            row = number - self.passed
            self.events += int(counts.sent[row].sum())
            if self.events <= MOST_EVENTS:
                self.kept.append((number, events.select([row]), counts.sent[row], counts.synapse_ops[row]))
        self.passed += len(events)


def activity_of(case: Case, chosen: Chosen) -> Activity:
    """Run the chosen samples again, one after another, with all spikes recorded.

    Raises:
        LapilliError: when their counts are not those of the run of the whole file.
    """
    network = case.network
    record = {layer.name: ("spikes",) for layer in network.layers}
    sent = np.zeros((1 + len(network.layers), case.n_steps), np.int64)
    operations = np.zeros((len(synapse_names(network)), case.n_steps), np.int64)
    raster: dict[str, Events] = {}
    for number, events, sent_before, operations_before in chosen.kept:
        result = run(network, events, n_steps=case.n_steps, record=record, threads=1)
        spikes = {INPUT: events.with_steps(case.n_steps)}
        spikes |= {name: found.spikes for name, found in result.recordings.items() if found.spikes is not None}
        steps = step_counts(network, spikes, case.n_steps)
        same = np.array_equal(steps.sent[0].sum(axis=1), sent_before)
        if not same or not np.array_equal(steps.synapse_ops[0].sum(axis=1), operations_before):
            raise LapilliError(f"sample {number} was counted differently a second time; `lapilli prove` may show where")
        sent += steps.sent[0]
        operations += steps.synapse_ops[0]
        raster = raster or spikes
    return _means(case, chosen, sent, operations, raster)


def _means(
    case: Case,
    chosen: Chosen,
    sent: npt.NDArray[np.int64],
    operations: npt.NDArray[np.int64],
    raster: dict[str, Events],
) -> Activity:
    if not chosen.kept:
        return Activity((), {}, {}, {}, None)
    samples, network = len(chosen.kept), case.network
    of_layer = np.repeat(np.arange(len(network.layers)), [len(layer.synapses) for layer in network.layers])
    labels = chosen.kept[0][1].labels
    return Activity(
        tuple(number for number, *_ in chosen.kept),
        {name: row / samples for name, row in zip(network.shapes, sent)},
        {layer.name: operations[of_layer == i].sum(axis=0) / samples for i, layer in enumerate(network.layers)},
        raster,
        None if labels is None else int(labels[0]),
    )
