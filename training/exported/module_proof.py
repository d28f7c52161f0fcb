"""A proof that a module is the network exported from it, where it computes only a part of what that does."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.readout import READOUTS
from lapilli.simulators import Difference, Events, Proof, run
from lapilli.simulators.decisions.decide import scores, why_undecided
from lapilli.simulators.decisions.decisions import Decisions
from lapilli.simulators.plan import Backend
from lapilli.simulators.results import RunResult

_SAMPLES_AT_ONCE = 32

Int64 = npt.NDArray[np.int64]


def prove_steps(
    network: Network, events: Events, named: tuple[str, Backend], windows: Mapping[str, slice], n_steps: int
) -> Proof:
    """Compare a module with `fast`: the spikes of layers in some of their steps, and all that decides the class.

    Arguments:
        network: exported from the module.
        events: input spikes; at least one sample.
        named: the module's backend behind its name.
        windows: by the name of a layer, the steps in which the module computes what it sends.
        n_steps: of every run.

    Returns:
        The proof: differences of spikes, or values that are sent, and of the readout's states; no counts.

    Raises:
        LapilliError: without samples, or when the network does not say how it decides.
    """
    name, backend = named
    if not len(events):
        raise LapilliError("prove: needs at least one sample")
    if network.readout is None:
        raise LapilliError("prove: the network does not say how it decides")
    states = READOUTS[network.readout.kind]
    record = {layer: {"spikes"} for layer in windows} | {network.output.name: {"spikes", *states}}
    spikes = compared = different = 0
    first: Difference | None = None
    decides = not why_undecided(network, events.n_steps, n_steps)
    decided: dict[str, list[Int64]] = {}
    for begin in range(0, len(events), _SAMPLES_AT_ONCE):
        part = events.select(slice(begin, begin + _SAMPLES_AT_ONCE))
        results = {
            name: run(network, part, backend, n_steps=n_steps, record=record),
            "fast": run(network, part, "fast", n_steps=n_steps, record=record),
        }
        for who, result in results.items() if decides else ():
            decided.setdefault(who, []).append(scores(result, network))
        for layer, quantity, steps in _compared(network, windows, states):
            arrays = {who: _array(result, layer, quantity)[..., steps] for who, result in results.items()}
            one, other = arrays.values()
            unequal = one != other
            spikes += int(np.count_nonzero(one)) if quantity == "spikes" else 0
            compared += one.size if quantity != "spikes" else 0
            different += int(np.count_nonzero(unequal))
            if unequal.any() and first is None:
                first = _first(arrays, unequal, layer, quantity, begin, steps.start or 0)
    found = {} if first is None else {"fast": first}
    return Proof(
        network.fingerprint,
        (name, "fast"),
        len(events),
        n_steps,
        spikes,
        compared,
        different,
        found,
        decisions={who: Decisions(np.concatenate(parts), events.labels) for who, parts in decided.items()},
        counts=False,
    )


def _compared(
    network: Network, windows: Mapping[str, slice], states: frozenset[str]
) -> Iterator[tuple[str, str, slice]]:
    for layer, steps in windows.items():
        yield layer, "spikes", steps
    for state in sorted(states):
        yield network.output.name, state, slice(None)


def _array(result: RunResult, layer: str, quantity: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.int32]]":
    """(samples, neurons, steps)."""
    found = getattr(result.recordings[layer], quantity)
    if found is None:
        raise LapilliError(f"prove: backend {result.backend!r} did not record the {quantity} of {layer!r}")
    dense = found.to_dense() if isinstance(found, Events) else found
    return dense.reshape(len(dense), -1, dense.shape[-1])


def _first(
    arrays: Mapping[str, "np.ndarray[tuple[int, ...], np.dtype[np.int32]]"],
    unequal: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]",
    layer: str,
    quantity: str,
    first_sample: int,
    first_step: int,
) -> Difference:
    sample, step, neuron = (int(i) for i in np.argwhere(unequal.transpose(0, 2, 1))[0])
    values = {name: int(array[sample, neuron, step]) for name, array in arrays.items()}
    return Difference(sample + first_sample, step + first_step, layer, quantity, neuron, values)
