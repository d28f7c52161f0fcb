"""What a network of the zoo reaches on all samples of its test part, and what a sample costs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.many import parts_of
from lapilli.sources.inputs import Inputs
from lapilli.sources.networks import Source


@dataclass(frozen=True)
class Figures:
    """Measured on all samples.

    Arguments:
        right: samples that are decided as their label says.
        operations, spikes: of a sample, mean.
        decisions: class of each sample.
    """

    right: int
    operations: float
    spikes: float
    decisions: tuple[int, ...]


def figures_of(source: Source, inputs: Inputs, steps: int, progress: Callable[[int], None]) -> Figures:
    """The figures of the exported network, as the run that it comes from has them in its summary.

    A network of windows takes images one behind the other, and a run for one of them would spend most steps on empty
    images behind it. Of such a network the operations and spikes are those of the image alone.

    Arguments:
        source: network and run folder.
        inputs: labelled samples of the run's data.
        steps: that a sample runs.
        progress: called with the number of samples finished since its last call.

    Raises:
        LapilliError: when the exported network decides a sample unlike the trained module, where images come in a row.
    """
    # Late: only who makes an entry needs torch.
    from lapilli.training.exported.image_streams import streamable

    if streamable(source.network, inputs.source, steps) is None:
        return _by_runs(source, inputs, steps, progress)
    return _in_a_row(source, inputs, steps, progress)


def _by_runs(source: Source, inputs: Inputs, steps: int, progress: Callable[[int], None]) -> Figures:
    """Of a run for each sample."""
    found: list[int] = []

    def keep(part: Decided) -> None:
        if part.decisions is not None:
            found.extend(part.decisions.tolist())

    totals = run_and_decide(source.network, parts_of(inputs), each=keep, n_steps=steps, progress=progress)
    mean = totals.operations / len(inputs), totals.spikes / len(inputs)
    return Figures(totals.right, *mean, tuple(found))


def _in_a_row(source: Source, inputs: Inputs, steps: int, progress: Callable[[int], None]) -> Figures:
    """Of images one behind the other, and of the trained module, which has no empty ones."""
    from lapilli.training.exported.evaluation import check_same_decisions
    from lapilli.training.exported.export import load_module

    assert source.run is not None
    module = load_module(source.run.folder.path)
    measured = check_same_decisions(module, source.network, inputs.source, steps)
    progress(len(inputs))
    right = int(np.count_nonzero(measured.decisions == inputs.source.labels))
    return Figures(right, measured.operations, measured.spikes, tuple(measured.decisions.tolist()))
