"""Collects what a dense simulator produces step by step: spikes of every layer, states of the layers asked for."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events
from lapilli.simulators.results import Recording

_Int64 = npt.NDArray[np.int64]


class Recorder:
    """Grows by one batch of samples at a time.

    Arguments:
        network: what is run.
        n_steps: steps of every sample.
        record: for each layer to record, "spikes" and names of its neurons' states.
    """

    def __init__(self, network: Network, n_steps: int, record: Mapping[str, frozenset[str]]) -> None:
        self._network = network
        self._n_steps = n_steps
        self._record = record
        self._first = 0
        self._n_samples = 0
        # (step, samples, neurons, values)
        self._spikes: dict[str, list[tuple[int, _Int64, _Int64, _Int64]]] = {layer.name: [] for layer in network.layers}
        self._states: dict[tuple[str, str], list[npt.NDArray[np.int32]]] = {
            (name, kind): [] for name, kinds in record.items() for kind in kinds if kind != "spikes"
        }

    def start(self, n_samples: int) -> None:
        """Begin the next batch of `n_samples` samples."""
        self._first, self._n_samples = self._n_samples, self._n_samples + n_samples
        for (name, _), batches in self._states.items():
            layer = self._layer(name)
            batches.append(np.zeros((n_samples, layer.size, self._n_steps), np.int32))

    def add(
        self,
        name: str,
        step: int,
        spikes: npt.NDArray[np.int64],
        states: Mapping[str, npt.NDArray[np.int32]],
    ) -> None:
        """Keep what layer `name` did in `step`: spikes or their values, and states; (samples of the batch, neurons)."""
        sample, neuron = np.nonzero(spikes)
        self._spikes[name].append((step, sample + self._first, neuron, spikes[sample, neuron]))
        for kind, state in states.items():
            if (name, kind) in self._states:
                self._states[name, kind][-1][..., step] = state

    def all_spikes(self, events: Events) -> dict[str, Events]:
        """Events of the input and of every layer; the labels of the input stay with all of them."""
        spikes = {INPUT: events.with_steps(self._n_steps)}
        for layer in self._network.layers:
            spikes[layer.name] = replace(self._events(layer), labels=events.labels)
        return spikes

    def recordings(self, events: Events) -> dict[str, Recording]:
        """What was asked for, by layer."""
        spikes = self.all_spikes(events)
        found = {}
        for name, kinds in self._record.items():
            shape = (-1, *self._layer(name).shape, self._n_steps)
            states = {
                kind: np.concatenate(self._states[name, kind]).reshape(shape)
                if self._n_samples
                else np.zeros((0, *shape[1:]), np.int32)
                for kind in kinds - {"spikes"}
            }
            found[name] = Recording(spikes[name] if "spikes" in kinds else None, **states)
        return found

    def _layer(self, name: str) -> Layer:
        return next(layer for layer in self._network.layers if layer.name == name)

    def _events(self, layer: Layer) -> Events:
        parts = self._spikes[layer.name]
        empty = np.zeros(0, np.int64)
        sample = np.concatenate([empty, *(sample for _, sample, _, _ in parts)])
        neuron = np.concatenate([empty, *(neuron for _, _, neuron, _ in parts)])
        step = np.concatenate([empty, *(np.full(len(sample), step) for step, sample, _, _ in parts)])
        value = np.concatenate([empty, *(value for _, _, _, value in parts)])
        order = np.lexsort((neuron, step, sample))
        offsets = np.searchsorted(sample[order], np.arange(self._n_samples + 1))
        return Events(
            step[order].astype(np.int32),
            neuron[order].astype(np.int32),
            offsets,
            self._n_steps,
            layer.shape,
            value=value[order].astype(np.int32) if layer.neuron.graded else None,
        )
