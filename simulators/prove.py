"""`prove`: the same events through several backends, compared bit for bit, and where they first differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.simulators.decisions.decide import can_decide, scores, why_undecided
from lapilli.simulators.decisions.decisions import Decisions
from lapilli.simulators.events import Events
from lapilli.simulators.given import AnyEvents, AnyNetwork, given_events, given_network
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.results import COUNTERS, Counts, Reset, RunResult, recordable
from lapilli.simulators.run import run

STATELESS = ("loihi2",)
"""Backends that give spikes and counts, and no states."""

# Bounds the memory that recorded states take; also how often progress moves.
_SAMPLES_AT_ONCE = 16


@dataclass(frozen=True)
class Difference:
    """The first place at which two backends disagree: earliest step, then network order.

    Arguments:
        sample, step: where; step is None for counts, which are totals of a sample.
        layer: name of the layer.
        quantity: "spikes", a state ("current", "voltage", …), or a counter's name.
        neuron: flat index in C order; None for counts.
        values: what each of the two backends has there.
    """

    sample: int
    step: int | None
    layer: str
    quantity: str
    neuron: int | None
    values: Mapping[str, int]

    def __str__(self) -> str:
        place = "" if self.step is None else f", step {self.step}, neuron {self.neuron}"
        values = ", ".join(f"{name} has {value}" for name, value in self.values.items())
        return f"{self.quantity} of layer {self.layer!r}, sample {self.sample}{place}: {values}"


@dataclass(frozen=True)
class Proof:
    """What was compared and what was found.

    Arguments:
        fingerprint: of the network.
        backends: names, the first being the one that all others were compared with.
        skipped: backends that could not run, with the reason.
        spikes_only: backends of which spikes and counts were compared, because they give no states.
        decisions: of each backend, the class of every sample; none where `why_undecided` says why.
        counts: whether counts were compared; they are not where one side computes a part of the steps.
        n_samples, n_steps: of every run.
        spikes_compared: spikes of all layers that each backend produced.
        states_compared: values of states compared, per backend that gives states.
        n_differences: entries (spikes, states, counts) that differ, over all backends.
        first: for each backend that differs, its first difference.
    """

    fingerprint: str
    backends: tuple[str, ...]
    n_samples: int
    n_steps: int
    spikes_compared: int
    states_compared: int
    n_differences: int
    first: Mapping[str, Difference] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    spikes_only: tuple[str, ...] = ()
    decisions: Mapping[str, Decisions] = field(default_factory=dict)
    counts: bool = True

    def __repr__(self) -> str:
        compared = " = ".join(self.backends) if self.equal else ", ".join(self.backends)
        found = [f"{self.n_samples:,} samples", f"{self.n_steps:,} steps", f"{self.n_differences:,} differences"]
        found += [f"first in {name}: {difference}" for name, difference in self.first.items()]
        found += [f"skipped {name}" for name in self.skipped]
        return f"<Proof: {compared}; {', '.join(found)}>"

    @property
    def equal(self) -> bool:
        """Whether at least two backends ran and nothing differed."""
        return len(self.backends) > 1 and self.n_differences == 0


def prove(
    network: AnyNetwork,
    events: AnyEvents,
    backends: Sequence[str] | Mapping[str, Backend | str] = ("reference", "fast", "lava"),
    *,
    n_steps: int | None = None,
    reset: Reset | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Proof:
    """Run the same events on several backends; compare spikes and all states of all layers, and all counts.

    Arguments:
        network: what to run, or the path of its file.
        events: input spikes, as of `lapilli.run`.
        backends: names, or names with backends (as `lapilli.training.exported.slayer_backend` gives one for a SLAYER
            module); the first is what the others are compared with.
        n_steps: steps to run; the events' own number plus the network's depth where None, so that the last input
            spikes are answered.
        reset, time_limit_s: as in `run`.
        progress: called with the number of samples finished by all backends.

    Returns:
        The proof, or the first difference of each backend. A backend that cannot express the network or is not
        installed is listed as skipped.

    Raises:
        LapilliError: when fewer than two backends were named or could run.
    """
    network = given_network(network)
    events = given_events(events, network)
    chosen = dict(backends) if isinstance(backends, Mapping) else {name: name for name in backends}
    if len(chosen) < 2:
        raise LapilliError(f"prove: needs at least two different backends, got {', '.join(chosen) or 'none'}")
    if not len(events):
        raise LapilliError("prove: needs at least one sample")
    steps = events.n_steps + network.depth if n_steps is None else n_steps
    tally = _Tally(network, tuple(chosen), tuple(name for name in chosen if chosen[name] in STATELESS))
    tally.decides = not why_undecided(network, events.n_steps, steps)
    for first in range(0, len(events), _SAMPLES_AT_ONCE):
        batch = events.select(slice(first, first + _SAMPLES_AT_ONCE))
        results: dict[str, RunResult] = {}
        for name in [name for name in chosen if name not in tally.skipped]:
            try:
                results[name] = run(
                    network,
                    batch,
                    chosen[name],  # type: ignore[arg-type]
                    n_steps=steps,
                    record=("spikes",) if chosen[name] in STATELESS else recordable(*network.layers),
                    reset=reset,
                    time_limit_s=time_limit_s,
                )
            except UnsupportedError as error:
                tally.skipped[name] = str(error)
        if len(results) < 2:
            reasons = "; ".join(tally.skipped.values())
            raise LapilliError(f"prove: only {', '.join(results) or 'no backend'} could run ({reasons})")
        tally.add(results, first)
        progress(len(batch))
    return tally.proof(events, steps)


class _Tally:
    """Comparison of batch after batch."""

    def __init__(self, network: Network, names: tuple[str, ...], spikes_only: tuple[str, ...]) -> None:
        self.network = network
        self.names = names
        self.spikes_only = spikes_only
        self.skipped: dict[str, str] = {}
        self.spikes = self.states = self.differences = 0
        self.first: dict[str, Difference] = {}
        self.decides = False
        self.scores: dict[str, list[npt.NDArray[np.int64]]] = {}

    def add(self, results: Mapping[str, RunResult], first_sample: int) -> None:
        base, *others = results
        for name, result in results.items() if self.decides else ():
            if can_decide(result, self.network):
                self.scores.setdefault(name, []).append(scores(result, self.network))
        for layer in self.network.layers:
            recording = results[base].recordings[layer.name]
            self.spikes += 0 if recording.spikes is None else recording.spikes.n_events
            if base not in self.spikes_only:
                self.states += sum(np.size(getattr(recording, name)) for name in layer.neuron.states)
        for name in others:
            with_states = not {base, name} & set(self.spikes_only)
            pair = {base: results[base], name: results[name]}
            found = list(_differences(self.network, pair, with_states))
            self.differences += sum(count for count, _ in found)
            places = [difference for _, difference in found]
            if places and name not in self.first:
                earliest = min(places, key=_when)
                self.first[name] = Difference(
                    **{**vars(earliest), "sample": earliest.sample + first_sample}  # of the whole set
                )

    def proof(self, events: Events, n_steps: int) -> Proof:
        ran = tuple(name for name in self.names if name not in self.skipped)
        found = {name: np.concatenate(self.scores[name]) for name in ran if name in self.scores}
        return Proof(
            self.network.fingerprint,
            ran,
            len(events),
            n_steps,
            self.spikes,
            self.states,
            self.differences,
            self.first,
            self.skipped,
            tuple(name for name in self.spikes_only if name in ran),
            {name: Decisions(of_samples, events.labels) for name, of_samples in found.items()},
        )


def _when(difference: Difference) -> tuple[int, float]:
    return difference.sample, float("inf") if difference.step is None else difference.step


def _differences(network: Network, pair: Mapping[str, RunResult], with_states: bool) -> "list[tuple[int, Difference]]":
    """(number of entries, first place) for each layer and quantity that differs, in network order."""
    found = []
    for number, layer in enumerate(network.layers):
        for quantity in ("spikes", *(layer.neuron.states if with_states else ())):
            arrays = {name: _dense(result, layer.name, quantity) for name, result in pair.items()}
            one, two = arrays.values()
            if one.shape != two.shape:
                raise LapilliError(f"prove: {quantity} of {layer.name!r} have shapes {one.shape} and {two.shape}")
            unequal = (one != two).reshape(len(one), -1, one.shape[-1])
            if unequal.any():
                sample, step, neuron = (int(i) for i in np.argwhere(unequal.transpose(0, 2, 1))[0])
                values = {
                    name: int(array.reshape(unequal.shape)[sample, neuron, step]) for name, array in arrays.items()
                }
                place = Difference(sample, step, layer.name, quantity, neuron, values)
                found.append((int(unequal.sum()), place))
        for counter in (*COUNTERS, "payload_bits", *_synapses(layer)):
            totals = {name: _count(result.counts, counter, number) for name, result in pair.items()}
            differs = np.diff(np.stack(list(totals.values())), axis=0)[0] != 0
            if np.any(differs):
                sample = int(np.flatnonzero(differs)[0])
                values = {name: int(total[sample]) for name, total in totals.items()}
                place = Difference(sample, None, layer.name, counter, None, values)
                found.append((int(np.sum(differs)), place))
    return found


def _synapses(layer: Layer) -> list[str]:
    return [f"syn_ops of synapse {number}" for number in range(len(layer.synapses))]


def _count(counts: Counts, counter: str, layer: int) -> npt.NDArray[np.int64]:
    """A counter of a layer, for each sample."""
    if counter in COUNTERS:
        return getattr(counts, counter)[:, layer]
    if counter == "payload_bits":
        return counts.payload_bits[:, layer + 1]
    mine = [column for column, synapse in enumerate(counts.synapses) if synapse.layer == counts.layers[layer]]
    return counts.synapse_ops[:, mine[int(counter.rsplit(" ", 1)[1])]]


def _dense(result: RunResult, layer: str, quantity: str) -> npt.NDArray[np.int32]:
    recorded = getattr(result.recordings[layer], quantity)
    if recorded is None:
        raise LapilliError(f"prove: backend {result.backend!r} did not record the {quantity} of {layer!r}")
    return recorded.to_dense() if isinstance(recorded, Events) else recorded
