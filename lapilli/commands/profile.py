"""`lapilli profile`."""

from typing import Any

from lapilli.output import print_json, print_table, progress_bar
from netx_exports import Network, load
from simulators import COUNTERS, Counts, Events, run
from simulators.run import BackendName


def profile(
    network: str,
    /,
    *,
    input: str,  # noqa: A002
    backend: BackendName = "fast",
    n_steps: int | None = None,
    threads: int | None = None,
    json: bool = False,
) -> None:
    """Count what the network does on an event file: exact synaptic operations, updates and spikes of each layer.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz) with the input spikes.
        backend: how to run it; all give the same counts.
        n_steps: steps for each sample; the input's own number plus the network's depth if not given.
        threads: worker threads of `fast`; all cores if not given.
        json: print the counts as JSON, for each sample too.
    """
    loaded = load(network)
    events = Events.load(input)
    steps = events.n_steps + loaded.depth if n_steps is None else n_steps
    with progress_bar("counting", len(events)) as advance:
        counts = run(loaded, events, backend, n_steps=steps, threads=threads, progress=advance).counts
    if json:
        print_json(profile_json(loaded, counts, len(events), steps))
    else:
        print_profile(counts, len(events), steps)


def profile_json(network: Network, counts: Counts, n_samples: int, n_steps: int) -> dict[str, Any]:
    """Counts as JSON values: totals of each layer, and of each sample."""
    layers = {
        name: {counter: getattr(counts, counter)[:, number].tolist() for counter in COUNTERS}
        for number, name in enumerate(counts.layers)
    }
    totals = {name: {counter: sum(values) for counter, values in of_layer.items()} for name, of_layer in layers.items()}
    facts = {"fingerprint": network.fingerprint, "samples": n_samples, "steps": n_steps}
    return {**facts, "totals": totals, "per_sample": layers}


def print_profile(counts: Counts, n_samples: int, n_steps: int) -> None:
    """Print means per sample of each layer and of the network."""
    samples = max(1, n_samples)
    means = [
        [getattr(counts, counter)[:, n].sum() / samples for counter in COUNTERS] for n in range(len(counts.layers))
    ]
    rows: list[list[object]] = [[name, *(float(m) for m in mean)] for name, mean in zip(counts.layers, means)]
    rows.append(["network", *(float(sum(column)) for column in zip(*means))])
    title = f"mean per sample over {n_samples} samples of {n_steps} steps"
    print_table(title, ["layer", *COUNTERS], rows)
