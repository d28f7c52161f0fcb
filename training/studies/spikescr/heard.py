"""Accuracy over how much of a word has been heard, of networks that answer while it is spoken.

A causal network has, `lag` steps behind each step of the input, all that it knows of the word so far. So the sum of its
scores up to there decides as on a word that ends there, and one run over the word has the decisions of all its steps.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.simulators import Events, Recording, RunResult, run
from lapilli.simulators.decisions.decide import needed_recording, step_scores
from lapilli.simulators.recording.plots import save_figure
from lapilli.simulators.stream import Simulator
from lapilli.training.data.samples import Samples
from lapilli.training.studies.collect import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = tuple(k / 20 for k in range(1, 21))
"""Shares of a recording's own length."""

KEYS = ("heard", "value")
"""Columns that tell apart the rows of one run: "share" of each word's length, or "ms" since its beginning."""

_ANSWERED = "time after the word's beginning at which the answer is there / ms"
_AT_ONCE = 128
_CHECKED = 4

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Heard:
    """What a network decides of some samples while they last.

    Arguments:
        decisions: the class when t steps have been heard, (samples, steps), t = 1 in column 0.
        labels: (samples,).
        lengths: steps of each recording; the rest is padding.
        lag: steps by which the answer is later than what has been heard.
        step_ms: width of a step.
    """

    decisions: Int64
    labels: Int64
    lengths: Int64
    lag: int
    step_ms: float

    def rows(self) -> list[Row]:
        """Rows of a table: columns heard, value, answered_ms (of "ms": when the answer is there), test_accuracy."""
        right = self.decisions == self.labels[:, None]
        found: list[Row] = []
        for share in SHARES:
            # At least one step of each word; a share of 1 is the end of the recording.
            last = np.maximum(np.ceil(share * self.lengths - 1e-9).astype(np.int64), 1) - 1
            accuracy = float(np.mean(right[np.arange(len(right)), last]))
            found.append(_row("share", round(share, 4), "", accuracy))
        for step, accuracy in enumerate(right.mean(0).tolist(), 1):
            ms = round(step * self.step_ms, 4)
            found.append(_row("ms", ms, round(ms + self.lag * self.step_ms, 4), accuracy))
        return found


def _row(heard: str, value: float, answered: object, accuracy: float) -> Row:
    return {"heard": heard, "value": value, "answered_ms": answered, "test_accuracy": round(accuracy, 6)}


def listen(network: Network, samples: Samples, lag: int, step_ms: float | None, streamed: int = 0) -> Heard:
    """Decide in each step of each sample.

    Arguments:
        network: with its readout.
        samples: with labels.
        lag: steps by which the answer to an input step is later.
        step_ms: width of a step; None: steps have no duration.
        streamed: samples that run step by step through `lapilli.simulators.stream` too, and must decide alike.

    Raises:
        LapilliError: without samples or durations, for a network that sees ahead, or where a stream decides otherwise.
    """
    if not len(samples) or step_ms is None:
        raise LapilliError("a word that is heard needs at least one sample, and steps with a duration")
    check_causal(network, samples.select(slice(_CHECKED)), lag)
    parts = [running_decisions(_ran(network, part, lag), network, lag) for part in samples.chunks(_AT_ONCE)]
    decisions = np.concatenate(parts)
    few = samples.select(slice(streamed))
    for number in range(len(few)):
        found = running_decisions(streamed_run(network, few.select([number]), lag), network, lag)
        if not np.array_equal(found[0], decisions[number]):
            raise LapilliError(f"sample {number}: a stream decides otherwise than a run of the whole sample")
    return Heard(decisions, samples.labels, samples.lengths, lag, step_ms)


def running_decisions(result: RunResult, network: Network, lag: int) -> Int64:
    """The class by the scores up to each step of the input, (samples, steps): that of step t comes in step t + lag."""
    return step_scores(result, network).cumsum(axis=2)[..., lag:].argmax(axis=1)


def check_causal(network: Network, events: Events, lag: int) -> None:
    """Compare the scores on words that end early with those on whole words, up to there.

    Raises:
        LapilliError: where they differ: the network sees ahead.
    """
    whole = step_scores(_ran(network, events, lag), network).cumsum(axis=2)
    for seen in {max(1, events.n_steps * quarter // 4) for quarter in (1, 2, 3)}:
        cut = step_scores(_ran(network, events.with_steps(seen), lag), network).sum(axis=2)
        if not np.array_equal(cut, whole[..., seen + lag - 1]):
            raise LapilliError(
                f"the network decides on the first {seen} steps with steps behind these: only a causal network "
                f"(of SpikeSCR: look_ahead 0, causal convolutions) knows in step t + {lag} all that it says of step t"
            )


def streamed_run(network: Network, events: Events, lag: int) -> RunResult:
    """One sample, step by step as it would come."""
    simulator, n_steps = Simulator(network), events.n_steps + lag
    spikes = np.zeros((1, network.output.size, n_steps), np.int32)
    states = [name for names in needed_recording(network).values() for name in names]
    kept: dict[str, list[Any]] = {name: [] for name in states}
    edges = np.searchsorted(events.step, np.arange(n_steps + 1))
    output = network.output.name
    for step in range(n_steps):
        here = slice(edges[step], edges[step + 1])
        sent = simulator.step(events.neuron[here], None if events.value is None else events.value[here])
        spikes[0, sent, step] = simulator.values(output)
        for name in states:
            kept[name].append(simulator.neuron_state(output, name))
    found = {name: np.stack(values, -1)[None] for name, values in kept.items()}
    return RunResult("stream", Events.from_dense(spikes), simulator.counts, {output: Recording(**found)}, 0.0)


def _ran(network: Network, events: Events, lag: int) -> RunResult:
    return run(network, events, "fast", n_steps=events.n_steps + lag, record=needed_recording(network))


def draw_heard(rows: Sequence[Mapping[str, object]], path: PathLike, title: str) -> None:
    """Draw accuracy over the share of a word that has been heard, and over the time at which the answer is there.

    Runs of one name are seeds: their mean is a line, their standard deviation a band. Equal rows give equal bytes.

    Arguments:
        rows: of a table, with the column "name" beside those of `Heard.rows`; text or not.
        path: SVG or PNG to write.
        title: of the picture.

    Raises:
        LapilliError: without rows, or when the picture cannot be written.
    """
    if not rows:
        raise LapilliError("heard: there is nothing to draw")
    save_figure(lambda: _figure(rows, title), path)


def _figure(rows: Sequence[Mapping[str, object]], title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    figure.suptitle(title)
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    panels = {"share": ("value", 100, "share of the word that has been heard / %"), "ms": ("answered_ms", 1, _ANSWERED)}
    for axes, (heard, (column, factor, label)) in zip(figure.subplots(1, 2), panels.items()):
        for number, name in enumerate(names):
            mine = [row for row in rows if (row["name"], row["heard"]) == (name, heard)]
            _draw_line(axes, _points(mine, column, factor), name, f"C{number}")
        axes.set(xlabel=label, ylabel="accuracy / %")
        # Not "best": looking for it takes so long on a busy machine that matplotlib warns.
        axes.legend(loc="lower right")
        axes.grid(alpha=0.3)
    return figure


def _points(rows: Sequence[Mapping[str, object]], column: str, factor: float) -> dict[float, list[float]]:
    """Accuracies in percent, one for each run, by `factor` times what stands in a column, rising."""
    found: dict[float, list[float]] = {}
    for row in rows:
        found.setdefault(factor * float(str(row[column])), []).append(100 * float(str(row["test_accuracy"])))
    return dict(sorted(found.items()))


def _draw_line(axes: Any, points: Mapping[float, Sequence[float]], name: str, colour: str) -> None:
    mean = np.array([statistics.mean(found) for found in points.values()])
    spread = np.array([statistics.stdev(found) if len(found) > 1 else 0.0 for found in points.values()])
    n_runs = max(map(len, points.values()))
    axes.fill_between(list(points), mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
    axes.plot(list(points), mean, color=colour, label=f"{name} ({n_runs} run{'s' * (n_runs > 1)})")
