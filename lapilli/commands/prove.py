"""`lapilli prove`."""

import dataclasses
from typing import Any

from lapilli.netx_exports import LapilliError, load
from lapilli.output import print_json, progress_bar
from lapilli.printable import say
from lapilli.simulators import Events, Proof
from lapilli.simulators import prove as prove_backends
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import BackendName


def prove(
    network: str,
    /,
    *,
    input: str | None = None,  # noqa: A002
    backends: list[BackendName] | None = None,
    samples: int | None = None,
    n_steps: int | None = None,
    seed: int = 0,
    time_limit_s: float | None = None,
    json: bool = False,
) -> int:
    """Show that every backend gives the same spikes, states and counts, or where they first differ.

    Exit status 0 if nothing differs, 1 otherwise, also when a backend that was asked for cannot run the network.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz); without it, 8 samples of 100 steps of random spikes (5 %).
        backends: what to compare, as [reference,fast,lava]; the first is what the others are compared with. If not
            given: these three, or those of them that can run the network.
        samples: how many samples of the input to use; all if not given.
        n_steps: steps for each sample; the input's own number plus the network's depth if not given.
        seed: of the random spikes.
        time_limit_s: seconds after which a Lava run is killed.
        json: print the proof as JSON.
    """
    loaded = load(network)
    events = random_events(loaded, 8, 100, 0.05, seed) if input is None else Events.load(input)
    if samples is not None and samples < 1:
        raise LapilliError(f"--samples must be at least 1, got {samples}")
    events = events.select(slice(samples))
    chosen = ["reference", "fast", "lava"] if backends is None else list(backends)
    with progress_bar("proving", len(events)) as advance:
        proof = prove_backends(loaded, events, chosen, n_steps=n_steps, time_limit_s=time_limit_s, progress=advance)
    if json:
        print_json(proof_json(proof))
    else:
        say("\n".join(proof_lines(proof)))
    return 0 if proof.equal and (backends is None or not proof.skipped) else 1


def proof_json(proof: Proof) -> dict[str, Any]:
    """The proof as JSON values."""
    first = {name: dataclasses.asdict(difference) for name, difference in proof.first.items()}
    return {**vars(proof), "first": first, "skipped": dict(proof.skipped), "equal": proof.equal}


def proof_lines(proof: Proof) -> list[str]:
    """The proof in sentences."""
    lines = [f"skipped: {reason}" for reason in proof.skipped.values()]
    lines.append(
        f"compared {' = '.join(proof.backends)}: {proof.n_samples} samples, {proof.n_steps} steps, "
        f"{proof.spikes_compared:,} spikes, {proof.states_compared:,} states of neurons, all counts"
    )
    if proof.spikes_only:
        lines.append(f"of {', '.join(proof.spikes_only)} only spikes and counts: it gives no states")
    if not proof.spikes_compared:
        lines.append("warning: no neuron spiked, so this shows little")
    if proof.equal:
        lines.append("equal: 0 differences")
    else:
        lines.append(f"different: {proof.n_differences:,} differences")
        lines += [f"first in {name}: {difference}" for name, difference in proof.first.items()]
    return lines
