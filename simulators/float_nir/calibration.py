"""What a quantisation takes from events: how far states reach, and thresholds where spikes reset to zero instead."""

from collections.abc import Callable
from dataclasses import replace

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.nir.floating.graph import FloatGraph
from lapilli.netx_exports.nir.quantising.choices import Choices, Reset
from lapilli.netx_exports.nir.quantising.quantise import quantise
from lapilli.simulators.events import Events
from lapilli.simulators.float_nir.run import FloatRun
from lapilli.simulators.float_nir.stepper import FloatReset
from lapilli.simulators.plan import _ignore
from lapilli.simulators.run import run

TRIES = 9
"""Runs for the threshold of a layer: its factor is then known to less than 1/100."""

_LOWEST, _HIGHEST = 1 / 32, 1.25


def float_reset(reset: Reset) -> FloatReset:
    """What a spike does in the float network."""
    return "zero" if reset == "zero" else "subtract"


def calibrated(
    graph: FloatGraph, events: Events, done: FloatRun, reset: Reset, progress: Callable[[int], None] = _ignore
) -> Choices:
    """Choices with which a layer of integers spikes about as often as that of the float network.

    What a spike leaves above the threshold is lost where the voltage becomes 0: a lower threshold makes up for it. Each
    layer's is found when those before it have theirs. A layer whose spikes do as in the float network keeps its own.

    Arguments:
        graph: of real numbers.
        events: to calibrate on.
        done: what the float network did with them.
        reset: of spikes.
        progress: called with 1 after each of `n_runs` runs.
    """
    choices = Choices(reset, done.reach)
    if reset != "approximate":
        return choices
    for number, layer in enumerate(graph.layers):
        if layer.neurons.threshold is None:
            continue
        wanted = int(done.spikes[layer.name].sum())
        low, high, found = _LOWEST, _HIGHEST, {}
        for _ in range(TRIES):
            factor = (low * high) ** 0.5
            trial = replace(choices, factors={**choices.factors, layer.name: factor})
            spikes = _spikes(quantise(graph, trial).network, number, events)
            found[factor] = abs(spikes - wanted)
            low, high = (factor, high) if spikes > wanted else (low, factor)
            progress(1)
        best = min(found, key=lambda factor: found[factor])
        choices = replace(choices, factors={**choices.factors, layer.name: best})
    return choices


def n_runs(graph: FloatGraph, reset: Reset) -> int:
    """Runs that `calibrated` needs."""
    return TRIES * sum(layer.neurons.threshold is not None for layer in graph.layers) * (reset == "approximate")


def _spikes(network: Network, number: int, events: Events) -> int:
    """Spikes of a layer, without running what follows it."""
    beginning = Network(network.input_shape, network.layers[: number + 1])
    result = run(beginning, events, n_steps=events.n_steps + beginning.depth)
    return int(result.counts.sent[:, number + 1].sum())
