"""`lapilli profile`."""

from typing import Any

import numpy as np

from lapilli.output import print_json, print_table, progress_bar
from netx_exports import Network, load
from simulators import COUNTERS, Counts
from simulators.counting import join_counts
from simulators.event_file import EventFile
from simulators.many import run_file
from simulators.run import BackendName


def profile(
    network: str,
    /,
    *,
    input: str,  # noqa: A002
    backend: BackendName = "fast",
    n_steps: int | None = None,
    threads: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    json: bool = False,
) -> None:
    """Count what the network does on an event file: exact synaptic operations, updates and spikes of each layer.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz) with the input spikes.
        backend: how to run it; all give the same counts.
        n_steps: steps for each sample; the input's own number plus the network's depth if not given.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
        json: print the counts as JSON, for each sample too.
    """
    loaded = load(network)
    file = EventFile(input)
    steps = file.n_steps + loaded.depth if n_steps is None else n_steps
    with progress_bar("counting", len(file)) as advance:
        parts = run_file(
            loaded, file, backend, jobs=jobs, scheduler=scheduler, n_steps=steps, threads=threads, progress=advance
        )
        counts = join_counts([part.counts for part in parts])
    if json:
        print_json(profile_json(loaded, counts, len(file), steps))
    else:
        print_profile(counts, len(file), steps)


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
    totals = np.stack([getattr(counts, counter).sum(axis=0) for counter in COUNTERS], axis=1) / samples
    rows: list[list[object]] = [[name, *map(float, means)] for name, means in zip(counts.layers, totals)]
    rows.append(["network", *map(float, totals.sum(axis=0))])
    print_table(f"mean per sample over {n_samples} samples of {n_steps} steps", ["layer", *COUNTERS], rows)
