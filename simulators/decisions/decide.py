"""From what the output layer did to a class: one rule for every backend, on integers, so that all decide alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.decisions.softmax import softmax_shares
from lapilli.simulators.results import RunResult

READOUTS = ("voltage_sum", "spike_count", "softmax_sum")
"""Values of `network.metadata["readout"]["kind"]`."""


def decides(network: Network) -> bool:
    """Whether the network says how a class is decided."""
    return "readout" in network.metadata or "average_outputs" in network.metadata


def needed_recording(network: Network) -> Mapping[str, frozenset[str]]:
    """What `lapilli.simulators.run` has to record so that `decide` can decide.

    Raises:
        LapilliError: when the network does not say how it decides.
    """
    return {network.output.name: frozenset({"voltage"})} if _kind(network) != "spike_count" else {}


def decide(result: RunResult, network: Network) -> npt.NDArray[np.int64]:
    """Class of each sample, (samples,): the one with the largest score; of equal scores the first.

    The score of an output neuron is the sum over all steps of its voltage ("voltage_sum"), or of the softmax of the
    neurons' voltages, in units of 2^-30 ("softmax_sum"; `softmax.py`), or its number of spikes, of graded ones
    the sum of their values ("spike_count"). Each neuron is a class; where the network's metadata say
    "average_outputs", as many classes as that are groups of neighbouring neurons: SLAYER's Average block.

    Arguments:
        result: of any backend, with `needed_recording(network)` recorded.
        network: what was run.

    Raises:
        LapilliError: when the network does not say how it decides, or the voltage was not recorded.
    """
    return scores(result, network).argmax(axis=1)


def scores(result: RunResult, network: Network) -> npt.NDArray[np.int64]:
    """What `decide` compares: (samples, classes), int64; of groups of neurons their sums.

    Raises:
        LapilliError: as `decide`, or when the neurons do not divide into the groups of "average_outputs".
    """
    of_neurons = _neuron_scores(result, network)
    return of_neurons.reshape(len(of_neurons), *_groups(network)).sum(axis=2)


def step_scores(result: RunResult, network: Network) -> npt.NDArray[np.int64]:
    """What each step adds to `scores`: (samples, classes, steps), int64.

    Raises:
        LapilliError: as `scores`.
    """
    states = result.spikes.to_dense() if _kind(network) == "spike_count" else _voltage_scores(result, network)
    n_samples, n_steps = len(result.spikes), states.shape[-1]
    return states.reshape(n_samples, *_groups(network), n_steps).sum(axis=2, dtype=np.int64)


def _groups(network: Network) -> tuple[int, int]:
    """Classes, and neurons of each."""
    n_neurons = network.output.size
    groups = network.metadata.get("average_outputs", n_neurons)
    if not isinstance(groups, int) or groups < 1 or n_neurons % groups:
        raise LapilliError(f"average_outputs: must divide the {n_neurons} output neurons, got {groups!r}")
    return groups, n_neurons // groups


def _neuron_scores(result: RunResult, network: Network) -> npt.NDArray[np.int64]:
    n_samples, n_neurons = len(result.spikes), network.output.size
    if _kind(network) == "spike_count":
        totals = np.zeros(n_samples * n_neurons, np.int64)
        values = 1 if result.spikes.value is None else result.spikes.value.astype(np.int64)
        np.add.at(totals, result.spikes.sample_of_event * n_neurons + result.spikes.neuron, values)
        return totals.reshape(n_samples, n_neurons)
    return _voltage_scores(result, network).sum(axis=-1, dtype=np.int64)


def _voltage_scores(result: RunResult, network: Network) -> npt.NDArray[np.int32] | npt.NDArray[np.int64]:
    """What the voltages of each step add to a neuron's score, (samples, neurons, steps)."""
    recording = result.recordings.get(network.output.name)
    if recording is None or recording.voltage is None:
        raise LapilliError(f"the voltage of layer {network.output.name!r}, which decides the class, was not recorded")
    n_samples, n_neurons, n_steps = len(result.spikes), network.output.size, recording.voltage.shape[-1]
    voltage = recording.voltage.reshape(n_samples, n_neurons, n_steps)
    return softmax_shares(voltage) if _kind(network) == "softmax_sum" else voltage


def accuracy(decisions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64] | None) -> float:
    """Share of decisions that agree with the labels.

    Raises:
        LapilliError: without labels or without samples.
    """
    if labels is None or not len(labels):
        raise LapilliError("accuracy needs events with labels and at least one sample")
    return float(np.mean(decisions == labels))


def _kind(network: Network) -> str:
    # An average layer in the file is a readout of spikes by itself.
    usual = {"kind": "spike_count"} if "average_outputs" in network.metadata else None
    readout: Any = network.metadata.get("readout", usual)
    kind = readout.get("kind") if isinstance(readout, Mapping) else None
    if kind not in READOUTS:
        raise LapilliError(f"readout: metadata must name one of {', '.join(READOUTS)} as its kind, got {readout!r}")
    return str(kind)
