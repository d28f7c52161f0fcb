"""Samples as they ran: spikes of every layer, the states that a page shows, operations and scores of each step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.counting import step_counts
from lapilli.simulators.decisions.decide import needed_recording, step_scores
from lapilli.simulators.events import Events
from lapilli.simulators.recording.choice import SPIKES, bounded_recording, choose_record, with_input
from lapilli.simulators.results import Recording, RunResult, recordable
from lapilli.simulators.run import BackendName, run

Int64 = npt.NDArray[np.int64]
States = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What runs, and what of it is shown.

    Arguments:
        network: to run.
        n_steps: steps of every sample.
        states: of each layer that is shown with states, their names.
        decided: whether a class is decided.
        backend, time_limit_s: as of `lapilli.simulators.run`.
    """

    network: Network
    n_steps: int
    states: States
    decided: bool
    backend: BackendName = "fast"
    time_limit_s: float | None = None

    @property
    def record(self) -> dict[str, tuple[str, ...]]:
        """What is recorded: spikes of all layers, the states that are shown, and those that decide."""
        needed = needed_recording(self.network) if self.decided else {}
        return {
            layer.name: (SPIKES, *dict.fromkeys((*self.states.get(layer.name, ()), *needed.get(layer.name, ()))))
            for layer in self.network.layers
        }


@dataclass(frozen=True, eq=False)
class Watched:
    """One sample, as it ran.

    Arguments:
        number: of the sample.
        label: its class; None where it is not known.
        spikes: of the input and of each layer, by name.
        states: by layer and name: int32, (neurons, steps), at the end of each step, after a spike's reset.
        operations: synaptic operations of each layer: int64, (layers, steps).
        scores: of each class, added up over the steps so far: int64, (classes, steps); None where none is decided.
    """

    number: int
    label: int | None
    spikes: Mapping[str, Events]
    states: Mapping[str, Mapping[str, npt.NDArray[np.int32]]]
    operations: Int64
    scores: Int64 | None

    @property
    def decision(self) -> int | None:
        """The class with the largest score at the end; of equal scores the first."""
        return None if self.scores is None else int(self.scores[:, -1].argmax())


def shown_states(network: Network, show: Sequence[str] | None, layers: Sequence[str] | None) -> States:
    """Which states of which layers a page shows.

    Arguments:
        network: what will run.
        show: names of states; "spikes" is shown always; all where None.
        layers: names of layers; all where None.

    Raises:
        LapilliError: for unknown names, or a state that no chosen layer has.
    """
    record = choose_record(network, recordable(*network.layers) if show is None else show, layers, "show")
    states = {name: tuple(kind for kind in kinds if kind != SPIKES) for name, kinds in record.items()}
    return {name: kinds for name, kinds in states.items() if kinds}


def check_fits(plan: Plan, numbers: Int64, n_samples: int) -> None:
    """Refuse samples whose recording is beyond the limits of recordings.

    Raises:
        LapilliError: as `lapilli.simulators.recording.choice.bounded_recording`.
    """
    bounded_recording(plan.network, plan.n_steps, n_samples, plan.record, numbers)


def watch(plan: Plan, first: int, samples: Iterable[Events]) -> Iterator[Watched]:
    """Run samples, one after the other.

    Arguments:
        plan: what to run and to show.
        first: number of the first sample.
        samples: events of one sample each.

    Raises:
        LapilliError: as `lapilli.simulators.run`.
    """
    for number, events in enumerate(samples, first):
        result = run(
            plan.network,
            events,
            plan.backend,
            n_steps=plan.n_steps,
            record=plan.record,
            time_limit_s=plan.time_limit_s,
        )
        yield _watched(plan, number, events, result)


def _watched(plan: Plan, number: int, events: Events, result: RunResult) -> Watched:
    network = plan.network
    recordings = with_input(result, events)
    spikes = {name: found.spikes for name, found in recordings.items() if found.spikes is not None}
    return Watched(
        number,
        None if events.labels is None else int(events.labels[0]),
        spikes,
        {name: _states(recordings[name], kinds) for name, kinds in plan.states.items() if name != INPUT},
        operations_of_steps(network, spikes, plan.n_steps),
        np.cumsum(step_scores(result, network)[0], axis=-1) if plan.decided else None,
    )


def _states(recording: Recording, kinds: Iterable[str]) -> dict[str, npt.NDArray[np.int32]]:
    """States of the only sample, (neurons, steps)."""
    found: dict[str, Any] = {kind: getattr(recording, kind)[0] for kind in kinds}
    return {kind: array.reshape(-1, array.shape[-1]) for kind, array in found.items()}


def operations_of_steps(network: Network, spikes: Mapping[str, Events], n_steps: int) -> Int64:
    """Synaptic operations of each layer in each step of the only sample: (layers, steps)."""
    of_synapses = step_counts(network, spikes, n_steps).synapse_ops[0]
    of_layer = np.repeat(np.arange(len(network.layers)), [len(layer.synapses) for layer in network.layers])
    found = np.zeros((len(network.layers), n_steps), np.int64)
    np.add.at(found, of_layer, of_synapses)
    return found
