"""A float network beside its integers: weights, spikes and decisions on the same events."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.nir.floating.graph import FloatGraph
from lapilli.netx_exports.nir.quantising.quantise import Quantised
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.events import Events
from lapilli.simulators.float_nir.run import FloatRun
from lapilli.simulators.many import parts_of
from lapilli.simulators.plan import _ignore


@dataclass(frozen=True)
class ComparedLayer:
    """A layer before and after.

    Arguments:
        name, kind: of its node in the graph.
        scale: integers of a weight that adds one threshold, or 1.0 where there is none.
        threshold: integers of the threshold; None: the layer does not spike.
        largest_error, mean_error: by how much weights changed, in the graph's units.
        float_spikes, integer_spikes: on all events together; None where the layer does not spike.
    """

    name: str
    kind: str
    scale: float
    threshold: int | None
    largest_error: float
    mean_error: float
    float_spikes: int | None
    integer_spikes: int | None


@dataclass(frozen=True)
class Comparison:
    """A network before and after.

    Arguments:
        layers: in the order of the graph.
        samples: that were run.
        agree: of which both decided the same.
        right_before, right_after: samples that the float network and the integers decided as their label says; None
            where there are no labels.
    """

    layers: tuple[ComparedLayer, ...]
    samples: int
    agree: int
    right_before: int | None
    right_after: int | None


def usual_readout(graph: FloatGraph) -> str:
    """How a graph decides that does not say it: by spikes, or by voltages where its output does not spike."""
    return "voltage_sum" if graph.layers[-1].neurons.threshold is None else "spike_count"


def check_readout(graph: FloatGraph, network: Network) -> None:
    """Refuse a readout that the scale of the output layer would change.

    Raises:
        LapilliError: naming it.
    """
    usual, readout = usual_readout(graph), network.readout
    if readout is not None and readout.kind != usual:
        raise LapilliError(f"readout: a quantised network with this output decides by {usual}, got {readout.kind}")


def compare(
    quantised: Quantised, done: FloatRun, events: Events, progress: Callable[[int], None] = _ignore
) -> Comparison:
    """Run the integers on events that the float network has seen.

    Arguments:
        quantised: the network, with a readout that `check_readout` has let pass.
        done: what the float network did with `events`.
        events: for the input.
        progress: called with the number of samples finished since its last call.
    """
    network = quantised.network
    decided: list[npt.NDArray[np.int64]] = []
    spikes = np.zeros(1 + len(network.layers), np.int64)

    def keep(part: Decided) -> None:
        nonlocal spikes
        assert part.decisions is not None
        decided.append(part.decisions)
        spikes = spikes + part.result.counts.sent.sum(axis=0)

    run_and_decide(network, parts_of(events), each=keep, n_steps=events.n_steps + network.depth, progress=progress)
    after, before = np.concatenate(decided), decisions(network, done)
    sent = {layer.name: int(spikes[1 + number]) for number, layer in enumerate(network.layers)}
    right = [None if events.labels is None else int(np.sum(one == events.labels)) for one in (before, after)]
    layers = tuple(
        ComparedLayer(
            layer.name, layer.kind, layer.scale, layer.threshold,
            float(layer.errors.max()), float(layer.errors.mean()),
            None if layer.threshold is None else int(done.spikes[layer.name].sum()),
            None if layer.threshold is None else sent[layer.name],
        )
        for layer in quantised.layers
    )  # fmt: skip
    return Comparison(layers, len(events), int(np.sum(before == after)), *right)


def decisions(network: Network, done: FloatRun) -> npt.NDArray[np.int64]:
    """Class of each sample by the float network: of the largest total, of equal ones the first."""
    classes = network.readout.classes if network.readout is not None else None
    totals = done.totals
    if classes is not None:
        totals = totals.reshape(len(totals), classes, -1).sum(axis=2)
    return totals.argmax(axis=1)
