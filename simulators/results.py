"""What a run gives back, the same from every backend: output spikes, exact counts, recordings of chosen layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simulators.events import Events

COUNTERS = ("syn_ops", "dendrite_updates", "spikes_in", "axon_out")
"""Names of Loihi 2's activity counters (`lava.utils.profiler`), in the order in which tables show them."""

STATES = ("current", "voltage", "threshold", "refractory", "real", "imag", "sigma", "activation", "residue")
"""States of all neuron models; which of them a layer has, its model's `states` says."""

RECORDABLE = ("spikes", *STATES)
"""What can be recorded of a layer."""


@dataclass(frozen=True)
class Counts:
    """Exact activity of each layer in each sample, over all steps that were run.

    Arguments:
        layers: names, in the network's order.
        syn_ops: events that reached the layer's synapses x non-zero weights that each event meets.
        dendrite_updates: neuron updates: neurons x steps.
        spikes_in: events that reached the layer's synapses, once for each synapse.
        axon_out: spikes of the layer, once for each synapse that reads it; once for an unread (output) layer.

    Each counter is int64, (samples, layers). A spike is counted in the step in which it is sent.
    """

    layers: tuple[str, ...]
    syn_ops: npt.NDArray[np.int64]
    dendrite_updates: npt.NDArray[np.int64]
    spikes_in: npt.NDArray[np.int64]
    axon_out: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """What was recorded of one layer; None for what was not asked for.

    Arguments:
        spikes: events of the layer.
        current, voltage, threshold, refractory, real, imag, sigma, activation, residue: int32,
            (samples, *shape, steps), states at the end of each step (after a spike's reset).
    """

    spikes: Events | None = None
    current: npt.NDArray[np.int32] | None = None
    voltage: npt.NDArray[np.int32] | None = None
    threshold: npt.NDArray[np.int32] | None = None
    refractory: npt.NDArray[np.int32] | None = None
    real: npt.NDArray[np.int32] | None = None
    imag: npt.NDArray[np.int32] | None = None
    sigma: npt.NDArray[np.int32] | None = None
    activation: npt.NDArray[np.int32] | None = None
    residue: npt.NDArray[np.int32] | None = None


@dataclass(frozen=True)
class RunResult:
    """Result of `simulators.run`.

    Arguments:
        backend: name of the backend.
        spikes: output layer's spikes, with the labels of the input.
        counts: exact activity of each layer and sample.
        recordings: by layer name, what `record` asked for.
        seconds: time spent simulating; building, compiling and reading files not included.
    """

    backend: str
    spikes: Events
    counts: Counts
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Reset:
    """Periodic reset of all states of the neurons, as in Lava's `LIFReset` under NetX's `Network`.

    Layer i (from 0) starts afresh in each step t (counted from 1) with `t % interval == (offset + 1 + i) % interval`,
    before it integrates its input. Synapses keep what is on its way.
    """

    interval: int
    offset: int = 0
