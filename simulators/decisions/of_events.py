"""`decide`: which class a network decides each sample to be of, from events to classes in one call."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol, cast

import numpy as np

from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import READOUTS, Readout
from lapilli.simulators.decisions.decide import n_classes, why_undecided
from lapilli.simulators.decisions.decisions import Decisions
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.events import Events
from lapilli.simulators.given import AnyEvents, AnyNetwork, given_events, given_network
from lapilli.simulators.many import parts_of
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.run import BackendName


class Sampled(Protocol):
    """Samples of equally many steps: `Events`, an event file, or the samples of a data set."""

    @property
    def n_steps(self) -> int:
        """Steps of each sample."""
        ...

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Events of `n_samples` samples after another."""
        ...


def decide(
    network: AnyNetwork,
    events: Sampled | AnyEvents,
    backend: BackendName | Backend = "fast",
    *,
    readout: str | None = None,
    n_steps: int | None = None,
    jobs: int = 1,
    threads: int | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Decisions:
    """Run a network and decide the class of each sample, as training decides when it is done.

    Arguments:
        network: what to run, or the path of its file.
        events: samples, also as of `lapilli.run`; with labels, the result has an accuracy.
        backend: as in `lapilli.run`.
        readout: "spike_count", "voltage_sum" or "softmax_sum", for a network that does not say how it decides.
        n_steps: steps to run; the events' own number plus the network's depth where None, so that the last input
            spikes are answered.
        jobs, threads, progress: as in `lapilli.simulators.many.run_parts`.

    Returns:
        The decisions, with their scores.

    Raises:
        EventsError: when the events do not fit the network.
        LapilliError: when the network does not say how it decides, or says it otherwise; for too few steps.
    """
    network = given_network(network)
    samples: Sampled = cast(Sampled, events) if hasattr(events, "chunks") else given_events(events, network)
    deciding = with_readout(network, readout)
    steps = samples.n_steps + network.depth if n_steps is None else n_steps
    if reason := why_undecided(deciding, samples.n_steps, steps):
        raise LapilliError(f"decide: {reason}")
    scores = [np.zeros((0, n_classes(deciding)), np.int64)]
    labels = []

    def keep(part: Decided) -> None:
        assert part.scores is not None
        scores.append(part.scores)
        if part.events.labels is not None:
            labels.append(part.events.labels)

    run_and_decide(
        deciding,
        parts_of(samples),
        backend,
        each=keep,
        n_steps=steps,
        jobs=jobs,
        threads=threads,
        progress=progress,
    )
    return Decisions(np.concatenate(scores), np.concatenate(labels) if labels else None)


def with_readout(network: Network, kind: str | None) -> Network:
    """The network, which decides by `kind`; as it is where that is None.

    Raises:
        LapilliError: for an unknown kind, or when the network says already that it decides otherwise.
        NetworkError: when its output has not what that kind reads.
    """
    if kind is None:
        return network
    if kind not in READOUTS:
        raise LapilliError(f"readout: {one_of(kind, READOUTS)}")
    if network.readout is None:
        return replace(network, readout=Readout(kind))
    if network.readout.kind != kind:
        raise LapilliError(f"readout: the network decides by {network.readout.kind} already, got {kind}")
    return network
