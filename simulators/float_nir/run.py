"""Events through a float network: spikes of its layers, what its output did, and how far its states reached."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.nir.floating.graph import FloatGraph, FloatLayer
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.nir.quantising.scales import Reach
from lapilli.simulators.events import Events
from lapilli.simulators.float_nir.stepper import FloatReset, FloatStepper
from lapilli.simulators.plan import _ignore

AT_ONCE = 16
"""Samples that are stepped together."""


@dataclass(frozen=True, eq=False)
class FloatRun:
    """What a float network did.

    Arguments:
        spikes: of each layer in each sample, (samples,); 0 of a layer that does not spike.
        totals: of each output neuron, what it sent in all steps: (samples, outputs).
        reach: of each layer, the largest magnitudes that its states came to.
    """

    spikes: Mapping[str, npt.NDArray[np.int64]]
    totals: Floats
    reach: Mapping[str, Reach]


def run_float(
    graph: FloatGraph,
    events: Events,
    reset: FloatReset,
    n_steps: int | None = None,
    progress: Callable[[int], None] = _ignore,
) -> FloatRun:
    """Run every sample from empty state.

    Arguments:
        graph: what runs.
        events: for its input.
        reset: what a spike does to the voltage.
        n_steps: steps of a sample; None: those of the events.
        progress: called with the number of samples finished since its last call.
    """
    steps = events.n_steps if n_steps is None else n_steps
    parts = []
    for chunk in events.chunks(AT_ONCE):
        parts.append(_run(graph, chunk, reset, steps))
        progress(len(chunk))
    names = [layer.name for layer in graph.layers]
    return FloatRun(
        {name: np.concatenate([part.spikes[name] for part in parts]) for name in names},
        np.concatenate([part.totals for part in parts]),
        {name: Reach.largest(part.reach[name] for part in parts) for name in names},
    )


def frames(events: Events, n_steps: int) -> Iterator[Floats]:
    """Of each step what all samples send: (samples, *shape)."""
    order = np.argsort(events.step, kind="stable")
    sample, neuron, step = events.sample_of_event[order], events.neuron[order], events.step[order]
    value = np.ones(len(order)) if events.value is None else events.value[order].astype(np.float64)
    bounds = np.searchsorted(step, np.arange(n_steps + 1))
    for first, last in pairwise(bounds):
        frame = np.zeros((len(events), events.n_neurons))
        frame[sample[first:last], neuron[first:last]] = value[first:last]
        yield frame.reshape(len(events), *events.shape)


def _run(graph: FloatGraph, events: Events, reset: FloatReset, n_steps: int) -> FloatRun:
    stepper = FloatStepper(graph, len(events), reset)
    output = graph.layers[-1]
    spikes = {layer.name: np.zeros(len(events), np.int64) for layer in graph.layers}
    meters = [_Meter(layer, len(events)) for layer in graph.layers]
    totals = np.zeros((len(events), *output.shape))
    for frame in frames(events, n_steps):
        sent = stepper.step(frame.reshape(len(events), *graph.input_shape))
        totals += sent[output.name]
        for layer, meter in zip(graph.layers, meters):
            meter.see(stepper.currents[layer.name], stepper.voltages[layer.name])
            if layer.neurons.threshold is not None:
                spikes[layer.name] += sent[layer.name].reshape(len(events), -1).sum(axis=1).astype(np.int64)
    return FloatRun(
        spikes, totals.reshape(len(events), -1), {layer.name: meter.reach for layer, meter in zip(graph.layers, meters)}
    )


class _Meter:
    """How far the states of a layer reach, in thresholds."""

    def __init__(self, layer: FloatLayer, n_samples: int) -> None:
        self.neurons = layer.neurons
        self.unit = 1.0 if layer.neurons.threshold is None else layer.neurons.threshold
        self.endless = np.zeros((n_samples, *layer.shape))
        self.reach = Reach(0.0, 0.0, 0.0)

    def see(self, current: Floats, voltage: Floats) -> None:
        """Take the states at the end of a step."""
        added = self.neurons.voltage_gain * current
        self.endless = (1 - self.neurons.voltage_decay) * self.endless + added + self.neurons.pull
        now = Reach(*(float(np.abs(state / self.unit).max()) for state in (added, voltage, self.endless)))
        self.reach = Reach.largest((self.reach, now))
