"""How samples become Lava runs: which graph, one run for many samples or one for each, and where resets fall."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.synapse import INPUT, Synapse
from lapilli.simulators.lava.job import Graph
from lapilli.simulators.plan import RunPlan

_STEPS_AT_ONCE = 4096
_BYTES_AT_ONCE = 1 << 28


@dataclass(frozen=True)
class Route:
    """How to run a network on Lava.

    Arguments:
        graph: "stock": lava-dl's own reader builds it from a plain NetX file; "builder": `lapilli.lava_models.graph`
            does.
        arrivals: the step in which the first input of a sample can reach each layer, where many samples stream through
            one run; None: one run for each sample.
    """

    graph: Graph
    arrivals: tuple[int, ...] | None


@dataclass(frozen=True)
class Stretch:
    """The samples of one Lava run, one every `period` steps.

    Arguments:
        first, last: samples, the last one excluded.
        period: steps from one sample to the next.
    """

    first: int
    last: int
    period: int

    @property
    def n_steps(self) -> int:
        """Steps of the run."""
        return (self.last - self.first) * self.period


def streaming_arrivals(network: Network) -> tuple[int, ...] | None:
    """The step in which the first input of a sample can reach each layer, if samples can stream; None if they cannot.

    Samples follow each other in one run without a gap. Each layer starts afresh in the very step in which the first
    input of the next sample can reach it. What it does before that step belongs to the sample before and reaches the
    next layers before they start afresh, provided that all paths to a layer take equally long. So nothing leaks, if

    * Lava has Processes that reset the neurons (`lava_resets`: current-based LIF neurons),
    * no kind counts by itself (`Network.counters`): such a count is one number for the whole run,
    * no neuron has a bias (a neuron without one stays at zero until its sample's input comes),
    * no layer feeds itself,
    * every layer acts in every step,
    * no synapse does what it does by the step of the sample (`by_position`),
    * all connections of a layer that come from layers have the same delay and arrive together.

    The input is silent where it has no events: a connection from the input may be late if a gap lets it drain.
    """
    if network.counters:
        return None
    arrivals = {INPUT: 0}
    for layer in network.layers:
        if not layer.neuron.lava_resets or layer.neuron.has_bias or layer.recurrent or layer.clock != EVERY_STEP:
            return None
        if any(synapse.by_position for synapse in layer.synapses):
            return None
        earliest = min(arrivals[synapse.source] + _latency(synapse)[0] for synapse in layer.synapses)
        for synapse in layer.synapses:
            latest = arrivals[synapse.source] + _latency(synapse)[1]
            if synapse.source != INPUT and latest != earliest:
                return None
        arrivals[layer.name] = earliest
    return tuple(arrivals[layer.name] for layer in network.layers)


def streaming_gap(network: Network, arrivals: tuple[int, ...]) -> int:
    """Silent steps between samples that let the connections from the input drain."""
    return max(
        (
            _latency(synapse)[1] - arrival
            for layer, arrival in zip(network.layers, arrivals)
            for synapse in layer.synapses
            if synapse.source == INPUT
        ),
        default=0,
    )


def stretches(network: Network, n_samples: int, plan: RunPlan, route: Route) -> Iterator[Stretch]:
    """The Lava runs for `n_samples` samples, short enough for progress to be seen and rows to fit on disk."""
    if route.arrivals is None:
        yield from (Stretch(sample, sample + 1, plan.n_steps) for sample in range(n_samples))
        return
    period = plan.n_steps + streaming_gap(network, route.arrivals)
    bytes_of_step = 4 * sum(
        layer.size * (1 + len(layer.neuron.states) * (layer.name in plan.record)) for layer in network.layers
    )
    at_once = max(1, min(_STEPS_AT_ONCE, _BYTES_AT_ONCE // bytes_of_step) // period)
    for first in range(0, n_samples, at_once):
        yield Stretch(first, min(first + at_once, n_samples), period)


def reset_offsets(
    network: Network, plan: RunPlan, route: Route, stretch: Stretch
) -> tuple[int | None, tuple[int, ...]]:
    """(interval, offset of each layer) of the neurons' resets as Lava's `LIFReset` takes them; interval None: none."""
    if route.arrivals is not None:
        # Lava counts steps from 1.
        return stretch.period, tuple((arrival + 1) % stretch.period for arrival in route.arrivals)
    if plan.reset is not None:
        interval = plan.reset.interval
        return interval, tuple((plan.reset.offset + 1 + number) % interval for number in range(len(network.layers)))
    return None, ()


def steps_in_file_order(arrivals: tuple[int, ...]) -> bool:
    """Whether each layer starts one step after the one before, the only order that lava-dl's `Network` knows."""
    return bool(np.all(np.diff(arrivals) == 1))


def _latency(synapse: Synapse) -> tuple[int, int]:
    """(shortest, longest) time in steps from a spike to the neurons that it reaches."""
    shortest, longest = synapse.delay_range
    return shortest + synapse.steps, longest + synapse.steps
