"""What a learning run came to: facts for JSON, a table of its samples, and the curve of its accuracy."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import WEIGHT_RANGE
from lapilli.simulators.decisions.totals import run_and_decide
from lapilli.simulators.events import Events
from lapilli.simulators.learning.learner import OPERATIONS
from lapilli.simulators.learning.parts import learning_part, learning_synapses
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import LearningRun
from lapilli.simulators.many import parts_of
from lapilli.simulators.plan import _ignore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Int64 = npt.NDArray[np.int64]


class ReportedRun(LearningRun, Protocol):
    """A learning run of which a report is made."""

    @property
    def epochs(self) -> int:
        """How often all samples are learnt."""

    def order_of(self, record: LearningRecord) -> Int64:
        """Number of each sample of the record among those that are given."""


def accuracy_of(network: Network, events: Events, n_steps: int, progress: Callable[[int], None] = _ignore) -> float:
    """Share of samples that a network decides rightly; events with labels, at least one."""
    return run_and_decide(network, parts_of(events), n_steps=n_steps, progress=progress).accuracy


def learning_facts(session: ReportedRun, record: LearningRecord) -> dict[str, Any]:
    """Everything about a run that fits JSON, but for the accuracies before and after."""
    labels = record.labels
    right = record.decisions == labels
    n_classes = session.network.output.size
    tenth = max(1, len(right) // 10)
    counted = bool(np.all(record.operations >= 0))
    return {
        "backend": session.backend,
        "layers": list(learning_part(session.network, session.layers).names),
        "samples": len(record),
        "epochs": session.epochs,
        "steps_per_sample": session.n_steps,
        "online_accuracy": {
            "all": float(right.mean()),
            "first_tenth": float(right[:tenth].mean()),
            "last_tenth": float(right[-tenth:].mean()),
        },
        "samples_of_class": np.bincount(labels, minlength=n_classes).tolist(),
        "classes_never_seen": np.flatnonzero(np.bincount(labels, minlength=n_classes) == 0).tolist(),
        "weight_change": weight_changes(session, record),
        "operations": dict(zip(OPERATIONS, record.operations.sum(axis=0).tolist())) if counted else None,
        "seconds": round(record.seconds, 3),
        "learning": session.config.as_dict(),
    }


def weight_changes(session: ReportedRun, record: LearningRecord) -> list[dict[str, Any]]:
    """How far the weights of each synapse have come, in units of a weight."""
    part = learning_part(session.network, session.layers)
    synapses = [(layer.name, synapse) for layer in part.layers for synapse in learning_synapses(layer)]
    changes = []
    for (name, synapse), after in zip(synapses, record.state.weights, strict=True):
        lowest, highest = WEIGHT_RANGE[synapse.sign_mode]
        change = np.abs(after.astype(int) - synapse.effective_weights)
        changes.append(
            {
                "layer": name,
                "source": synapse.source,
                "weights": int(after.size),
                "changed": float(np.mean(change != 0)),
                "mean_change": float(change.mean()),
                "largest_change": int(change.max()),
                "at_limit": int(np.count_nonzero((after <= lowest) | (after >= highest))),
            }
        )
    return changes


def sample_rows(session: ReportedRun, record: LearningRecord) -> list[dict[str, object]]:
    """A row for each sample in the order of learning; `accuracy` is that of the last samples, as in the curve."""
    order = session.order_of(record)
    moving = moving_accuracy(record.decisions == record.labels)
    return [
        {
            "number": number,
            "sample": int(order[number]),
            "label": int(record.labels[number]),
            "decided": int(record.decisions[number]),
            "accuracy": round(float(moving[number]), 4),
            **{name: "" if value < 0 else int(value) for name, value in zip(OPERATIONS, record.operations[number])},
        }
        for number in range(len(record))
    ]


def moving_accuracy(right: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Share of right decisions among the last samples up to each: a twentieth of all, 20 at least."""
    width = max(20, len(right) // 20)
    sums = np.concatenate([[0], np.cumsum(right)])
    ends = np.arange(1, len(right) + 1)
    starts = np.maximum(0, ends - width)
    return (sums[ends] - sums[starts]) / (ends - starts)


def curve_figure(
    session: ReportedRun, record: LearningRecord, accuracies: Mapping[str, Mapping[str, float]]
) -> "Figure":
    """Accuracy over samples, each decided before it was learnt; that of whole sets, before and after, as points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * moving_accuracy(record.decisions == record.labels), label="learnt samples, before each")
    for number, (name, pair) in enumerate(accuracies.items()):
        label = "all learnt samples" if name == "learnt" else name
        ends = [100 * pair["before"], 100 * pair["after"]]
        axes.plot([0, len(record)], ends, "o:", color=f"C{number + 1}", label=f"{label}, before and after")
    axes.set_xlabel("samples learnt")
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(0, 101)
    axes.legend(loc="lower right", fontsize="small")
    axes.set_title(f"{session.backend}: {', '.join(learning_part(session.network, session.layers).names)}", loc="left")
    return figure
