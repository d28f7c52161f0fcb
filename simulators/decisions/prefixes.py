"""What a network decides when it has seen only the first t frames of a sample, for every t, on integers.

"The first t frames" means that the input ends there: what the network decides on a sample cut to its first t steps, run
for t + depth steps so that the last frame is answered. Where every path from the input to the output takes the same
time, the depth, a later frame cannot have reached the output by then, and one run over the whole sample has all those
decisions: the sums of the scores over its first t + depth steps. Where a shorter path exists (a skip without delay,
delays that differ), later frames would leak into such sums, and each t is run on its own.
"""

from collections.abc import Callable, Iterator
from math import inf

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.synapse import INPUT
from lapilli.simulators.decisions.decide import decide, needed_recording, step_scores
from lapilli.simulators.events import Events
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.run import BackendName, run

_PART_BYTES = 1 << 26
_BYTES_PER_SCORE = 24


def prefix_accuracies(
    network: Network,
    events: Events,
    backend: BackendName | Backend = "fast",
    progress: Callable[[int], None] = _ignore,
) -> npt.NDArray[np.float64]:
    """Accuracy when only the first t frames are seen, for t = 1…`events.n_steps`: (steps,), float64.

    Arguments:
        network: with its readout.
        events: with labels.
        backend: as in `lapilli.simulators.run`.
        progress: called with the number of decisions, samples times steps, made since its last call.

    Raises:
        LapilliError: without labels, samples or steps, or when the network does not say how it decides.
    """
    if events.labels is None or not len(events):
        raise LapilliError("accuracy needs events with labels and at least one sample")
    return np.mean(prefix_decisions(network, events, backend, progress) == events.labels[:, None], axis=0)


def prefix_decisions(
    network: Network,
    events: Events,
    backend: BackendName | Backend = "fast",
    progress: Callable[[int], None] = _ignore,
) -> npt.NDArray[np.int64]:
    """Class that is decided when only the first t frames are seen: (samples, steps), int64, t = 1 in column 0.

    Arguments:
        network, events, backend, progress: as of `prefix_accuracies`; labels are not needed.

    Raises:
        LapilliError: for samples without steps, or when the network does not say how it decides.
    """
    if not events.n_steps:
        raise LapilliError("prefixes need samples of at least one step")
    of_parts = _by_sums if shortest_path(network) >= network.depth else _by_cutting
    parts = [of_parts(network, part, backend, progress) for part in _parts(network, events)]
    return np.concatenate([np.zeros((0, events.n_steps), np.int64), *parts])


def shortest_path(network: Network) -> float:
    """Steps between an input event and the earliest answer of the output layer that it can cause; infinite: none can.

    `Network.depth` is the latest of these first answers.
    """
    reached = {INPUT: 0.0}
    for layer in network.layers:
        reached[layer.name] = min(
            (
                reached[synapse.source] + synapse.steps + synapse.delay_range[0]
                for synapse in layer.synapses
                if synapse.source != layer.name
            ),
            default=inf,
        )
    return reached[network.output.name]


def _by_sums(
    network: Network, events: Events, backend: BackendName | Backend, progress: Callable[[int], None]
) -> npt.NDArray[np.int64]:
    n_steps = events.n_steps + network.depth
    result = run(network, events, backend, n_steps=n_steps, record=needed_recording(network))
    progress(len(events) * events.n_steps)
    return step_scores(result, network).cumsum(axis=2)[..., network.depth :].argmax(axis=1)


def _by_cutting(
    network: Network, events: Events, backend: BackendName | Backend, progress: Callable[[int], None]
) -> npt.NDArray[np.int64]:
    decisions = np.empty((len(events), events.n_steps), np.int64)
    for seen in range(1, events.n_steps + 1):
        cut, n_steps = events.with_steps(seen), seen + network.depth
        result = run(network, cut, backend, n_steps=n_steps, record=needed_recording(network))
        decisions[:, seen - 1] = decide(result, network)
        progress(len(events))
    return decisions


def _parts(network: Network, events: Events) -> Iterator[Events]:
    """So many samples that what is recorded of them, and its sums, take 64 MiB."""
    of_sample = _BYTES_PER_SCORE * network.output.size * (events.n_steps + network.depth)
    size = max(1, _PART_BYTES // of_sample)
    for first in range(0, len(events), size):
        yield events.select(slice(first, first + size))
