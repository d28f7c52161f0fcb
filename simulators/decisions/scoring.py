"""The kinds of readout: what each adds up of the output neurons, on integers. A new kind is an entry of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer
from lapilli.simulators.decisions.softmax import softmax_shares
from lapilli.simulators.results import RunResult

if TYPE_CHECKING:
    # At run time it would load numba, for which what only names decisions need not wait.
    from lapilli.simulators.stream import Simulator

Int64 = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Scoring:
    """Scores of the neurons of an output layer.

    Arguments:
        scores: of a run and its output layer: int64, (samples, neurons).
        step_scores: what each step adds to these: integers, (samples, neurons, steps).
        last_step: what the last step of a stream has added to these: int64, (neurons,).
    """

    scores: Callable[[RunResult, Layer], Int64]
    step_scores: Callable[[RunResult, Layer], Integers]
    last_step: Callable[["Simulator", Layer], Int64]


def _spikes_of_steps(result: RunResult, output: Layer) -> Integers:
    return result.spikes.to_dense().reshape(len(result.spikes), output.size, result.spikes.n_steps)


def _spike_counts(result: RunResult, output: Layer) -> Int64:
    spikes, n_neurons = result.spikes, output.size
    totals = np.zeros(len(spikes) * n_neurons, np.int64)
    values = 1 if spikes.value is None else spikes.value.astype(np.int64)
    np.add.at(totals, spikes.sample_of_event * n_neurons + spikes.neuron, values)
    return totals.reshape(len(spikes), n_neurons)


def _voltages(result: RunResult, output: Layer) -> npt.NDArray[np.int32]:
    recording = result.recordings.get(output.name)
    if recording is None or recording.voltage is None:
        raise LapilliError(f"the voltage of layer {output.name!r}, which decides the class, was not recorded")
    return recording.voltage.reshape(len(result.spikes), output.size, recording.voltage.shape[-1])


def _shares(result: RunResult, output: Layer) -> Int64:
    return softmax_shares(_voltages(result, output))


def _last_spikes(stream: "Simulator", output: Layer) -> Int64:
    found = np.zeros(output.size, np.int64)
    found[stream.spikes(output.name)] = stream.values(output.name)
    return found


def _last_voltages(stream: "Simulator", output: Layer) -> Int64:
    return stream.voltage(output.name).reshape(-1).astype(np.int64)


def _last_shares(stream: "Simulator", output: Layer) -> Int64:
    return softmax_shares(_last_voltages(stream, output)[None, :, None])[0, :, 0]


def _summed(
    step_scores: Callable[[RunResult, Layer], Integers], last_step: Callable[["Simulator", Layer], Int64]
) -> Scoring:
    return Scoring(
        lambda result, output: step_scores(result, output).sum(axis=-1, dtype=np.int64), step_scores, last_step
    )


SCORINGS: Mapping[str, Scoring] = {
    "voltage_sum": _summed(_voltages, _last_voltages),
    # From the list of spikes: most neurons are silent in most steps.
    "spike_count": Scoring(_spike_counts, _spikes_of_steps, _last_spikes),
    "softmax_sum": _summed(_shares, _last_shares),
}
"""By name, those of `lapilli.netx_exports.readout.READOUTS`; shares of a softmax are in units of 2^-30."""
