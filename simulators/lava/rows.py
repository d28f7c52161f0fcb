"""Reads the rows that Lava runs left in files: spikes of every layer, states of the layers asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events
from lapilli.simulators.lava.runs import Stretch
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import Recording

Int32 = npt.NDArray[np.int32]


class RowReader:
    """Grows by one Lava run at a time.

    Arguments:
        network: what is run.
        events: the input of all samples.
        plan: what is run and kept.
        arrivals: the step in which the first input of a sample can reach each layer. What a layer did before belongs to
            the sample before; in this sample it was at rest.
    """

    def __init__(self, network: Network, events: Events, plan: RunPlan, arrivals: Sequence[int]) -> None:
        self._network = network
        self._events = events
        self._plan = plan
        self._arrivals = arrivals
        # (samples, steps, neurons, values)
        self._spikes: dict[str, list[Int32]] = {layer.name: [np.zeros((4, 0), np.int32)] for layer in network.layers}
        self._states = {
            (layer.name, kind): np.zeros((len(events), layer.size, plan.n_steps), np.int32)
            for layer in network.layers
            for kind in layer.neuron.states
            if kind in plan.record.get(layer.name, ())
        }

    def read(self, folder: Path, stretch: Stretch) -> None:
        """Take the rows of the run of these samples."""
        for number, (layer, arrival) in enumerate(zip(self._network.layers, self._arrivals)):
            rows = _load(folder / f"{number}.spikes.npy", stretch, layer)[:, arrival : self._plan.n_steps]
            sample, step, neuron = np.nonzero(rows)
            events = [sample + stretch.first, step + arrival, neuron, rows[sample, step, neuron]]
            self._spikes[layer.name].append(np.stack(events).astype(np.int32))
            for kind in layer.neuron.states:
                if (layer.name, kind) in self._states:
                    rows = _load(folder / f"{number}.{kind}.npy", stretch, layer)[:, arrival : self._plan.n_steps]
                    kept = self._states[layer.name, kind][stretch.first : stretch.last]
                    kept[..., arrival:] = rows.transpose(0, 2, 1)

    def all_spikes(self) -> dict[str, Events]:
        """Events of the input and of every layer, with the input's labels."""
        found = {INPUT: self._events.with_steps(self._plan.n_steps)}
        for layer in self._network.layers:
            sample, step, neuron, value = np.concatenate(self._spikes[layer.name], axis=1)
            offsets = np.searchsorted(sample, np.arange(len(self._events) + 1)).astype(np.int64)
            graded = value if layer.neuron.graded else None
            found[layer.name] = Events(
                step, neuron, offsets, self._plan.n_steps, layer.shape, value=graded, labels=self._events.labels
            )
        return found

    def recordings(self) -> dict[str, Recording]:
        """What was asked for, by layer."""
        spikes = self.all_spikes()
        found = {}
        for layer in self._network.layers:
            if kinds := self._plan.record.get(layer.name, ()):
                shape = (len(self._events), *layer.shape, self._plan.n_steps)
                states = {
                    kind: self._states[layer.name, kind].reshape(shape) for kind in layer.neuron.states if kind in kinds
                }
                found[layer.name] = Recording(spikes[layer.name] if "spikes" in kinds else None, **states)
        return found


def _load(path: Path, stretch: Stretch, layer: Layer) -> Int32:
    """Rows of a file as (samples, period, neurons), neurons flat in (C, H, W) order."""
    rows = np.load(path, mmap_mode="r")
    if rows.ndim == 4:  # lava-dl's convolutions are (W, H, C)
        rows = rows.transpose(0, 3, 2, 1)
    return np.asarray(rows).reshape(stretch.last - stretch.first, stretch.period, layer.size)
