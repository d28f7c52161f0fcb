"""From what the output layer did to a class: one rule for every backend, on integers, so that all decide alike."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import READOUTS, Readout
from lapilli.simulators.decisions.scoring import SCORINGS
from lapilli.simulators.results import RunResult

if TYPE_CHECKING:
    # At run time it would load numba, for which what only names decisions need not wait.
    from lapilli.simulators.stream import Simulator

Int64 = npt.NDArray[np.int64]


def decides(network: Network) -> bool:
    """Whether the network says how a class is decided."""
    return network.readout is not None


def why_undecided(network: Network, input_steps: int, n_steps: int) -> str:
    """Why no class is decided in a run of `n_steps` steps over samples of `input_steps`; "" where one is.

    A class is decided, as in training, when the last input spikes have been answered.
    """
    if not decides(network):
        return (
            "the network does not say how a class is decided; --readout softmax_sum, spike_count or voltage_sum says "
            "it, and `lapilli export` with it writes it into a file"
        )
    if n_steps < input_steps + network.depth:
        return f"the last input spikes are answered in step {input_steps + network.depth}, {n_steps} were run"
    return ""


def n_classes(network: Network) -> int:
    """Between how many classes the network decides.

    Raises:
        LapilliError: when it does not say how it decides.
    """
    return _readout(network).classes or network.output.size


def needed_recording(network: Network) -> Mapping[str, frozenset[str]]:
    """What `lapilli.simulators.run` has to record so that `decide` can decide.

    Raises:
        LapilliError: when the network does not say how it decides.
    """
    states = READOUTS[_readout(network).kind]
    return {network.output.name: states} if states else {}


def can_decide(result: RunResult, network: Network) -> bool:
    """Whether what deciding needs was recorded."""
    recorded = result.recordings
    return all(
        layer in recorded and getattr(recorded[layer], state, None) is not None
        for layer, states in needed_recording(network).items()
        for state in states
    )


def decide(result: RunResult, network: Network) -> Int64:
    """Class of each sample, (samples,): the one with the largest score; of equal scores the first.

    The score of an output neuron is the sum over all steps of its voltage ("voltage_sum"), or of the softmax of the
    neurons' voltages, in units of 2^-30 ("softmax_sum"; `softmax.py`), or its number of spikes, of graded ones
    the sum of their values ("spike_count"). Each neuron is a class; where the readout has `classes`, each of so many
    groups of neighbouring neurons is one: SLAYER's Average block.

    Arguments:
        result: of any backend, with `needed_recording(network)` recorded.
        network: what was run.

    Raises:
        LapilliError: when the network does not say how it decides, or the voltage was not recorded.
    """
    return scores(result, network).argmax(axis=1)


def scores(result: RunResult, network: Network) -> Int64:
    """What `decide` compares: (samples, classes), int64; of groups of neurons their sums.

    Raises:
        LapilliError: as `decide`.
    """
    readout, output = _readout(network), network.output
    of_neurons = SCORINGS[readout.kind].scores(result, output)
    if readout.classes is None:
        return of_neurons
    return of_neurons.reshape(len(of_neurons), readout.classes, output.size // readout.classes).sum(axis=2)


def step_scores(result: RunResult, network: Network) -> Int64:
    """What each step adds to `scores`: (samples, classes, steps), int64.

    Raises:
        LapilliError: as `decide`.
    """
    readout, output = _readout(network), network.output
    of_neurons = SCORINGS[readout.kind].step_scores(result, output)
    classes, n_steps = readout.classes or output.size, of_neurons.shape[-1]
    groups = of_neurons.reshape(len(of_neurons), classes, output.size // classes, n_steps)
    return groups.sum(axis=2, dtype=np.int64)


def last_step_scores(stream: "Simulator") -> Int64:
    """What the last step of a stream has added to the scores of its network: (classes,), int64.

    Raises:
        LapilliError: as `decide`.
    """
    network = stream.network
    readout, output = _readout(network), network.output
    of_neurons = SCORINGS[readout.kind].last_step(stream, output)
    return of_neurons.reshape(readout.classes or output.size, -1).sum(axis=1)


def accuracy(decisions: Int64, labels: Int64 | None) -> float:
    """Share of decisions that agree with the labels.

    Raises:
        LapilliError: without labels or without samples.
    """
    if labels is None or not len(labels):
        raise LapilliError("accuracy needs events with labels and at least one sample")
    return float(np.mean(decisions == labels))


def _readout(network: Network) -> Readout:
    if network.readout is not None:
        return network.readout
    said = {name: network.metadata[name] for name in ("readout", "average_outputs") if name in network.metadata}
    unfit = f"; what its metadata say does not fit it: {said!s:.200}" if said else ""
    raise LapilliError(
        f"readout: the network must have one of {', '.join(READOUTS)} to decide a class, got none{unfit}"
    )
