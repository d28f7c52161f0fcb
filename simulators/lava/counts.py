"""Counts that Lava Processes made during a run: what they are told to count, and how their rows become `Counts`."""

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Network
from lapilli.simulators.counting import counts_of, synapse_names
from lapilli.simulators.events import Events
from lapilli.simulators.lava.runs import Stretch
from lapilli.simulators.results import Counts

Int64 = npt.NDArray[np.int64]

_FILE = "counted.npz"

NAMED = "named.json"
"""File of a run: what kinds count by themselves, a list of [layer number, counter, number]."""


def save_counted(network: Network, folder: Path) -> None:
    """Write what to count of the input and of each layer: fan-outs of its readers, and whether it is graded."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for number, (source, shape) in enumerate(network.shapes.items()):
        fan_outs = [
            synapse.fan_out(shape, layer.fed_shape(synapse))
            for layer in network.layers
            for synapse in layer.synapses
            if synapse.source == source
        ]
        arrays[f"fan_outs{number}"] = np.array(fan_outs, np.int64).reshape(len(fan_outs), prod(shape))
        arrays[f"graded{number}"] = np.bool_(source in network.graded_sources)  # type: ignore[assignment]
    with open(folder / _FILE, "wb") as file:
        np.savez(file, **arrays)


def load_counted(folder: Path) -> list[tuple[Int64, bool]]:
    """What `save_counted` wrote: (fan-outs, graded) of the input and of each layer."""
    with np.load(folder / _FILE, allow_pickle=False) as archive:
        return [
            (archive[f"fan_outs{number}"], bool(archive[f"graded{number}"]))
            for number in range(len(archive.files) // 2)
        ]


class CountReader:
    """Grows by one Lava run at a time.

    Arguments:
        network: what is run.
        n_samples: samples of all runs.
        n_steps: steps of each.
        arrivals: as of `lapilli.simulators.lava.rows.RowReader`: rows before belong to the sample before.
    """

    def __init__(self, network: Network, n_samples: int, n_steps: int, arrivals: Sequence[int]) -> None:
        self._network = network
        self._n_steps = n_steps
        self._arrivals = (0, *arrivals)
        self._sources = list(network.shapes)
        # Input first, then the layers: (samples, events and bits and operations of each reader).
        readers = [synapse.source for synapse in synapse_names(network)]
        self._named = {name: np.zeros((n_samples, len(network.layers)), np.int64) for name in network.counters}
        self._sums = [np.zeros((n_samples, 2 + readers.count(source)), np.int64) for source in self._sources]

    def read(self, folder: Path, stretch: Stretch) -> None:
        """Take the rows of the run of these samples."""
        names = ("input", *range(len(self._network.layers)))
        for name, arrival, sums in zip(names, self._arrivals, self._sums):
            rows = np.load(folder / f"{name}.counts.npy").reshape(-1, stretch.period, sums.shape[1])
            sums[stretch.first : stretch.last] = rows[:, arrival : self._n_steps].sum(axis=1)
        for number, counter, amount in json.loads((folder / NAMED).read_text()):
            # One sample: what counts by itself does not stream.
            self._named[counter][stretch.first, number] += amount

    def counts(self, spikes: Mapping[str, Events]) -> Counts:
        """Counts of all samples.

        Arguments:
            spikes: events of the input and of every layer, of which only the sums over each neuron are taken.
        """
        operations = {name: iter(sums.T[2:]) for name, sums in zip(self._sources, self._sums)}
        return counts_of(
            self._network,
            self._n_steps,
            sent=np.stack([sums[:, 0] for sums in self._sums], axis=1),
            payload_bits=np.stack([sums[:, 1] for sums in self._sums], axis=1),
            synapse_ops=np.stack([next(operations[name.source]) for name in synapse_names(self._network)], axis=1),
            neuron_events=tuple(
                np.bincount(spikes[name].neuron, minlength=spikes[name].n_neurons).astype(np.int64)
                for name in self._sources
            ),
            named=self._named,
        )
