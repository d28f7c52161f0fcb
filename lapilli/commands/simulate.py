"""`lapilli simulate`."""

import os
from typing import Any

import numpy as np

from lapilli.output import print_json, progress_bar
from netx_exports import LapilliError, load
from simulators.decisions import decide, needed_recording
from simulators.event_file import EventFile, EventWriter
from simulators.many import run_file
from simulators.run import BackendName


def simulate(
    network: str,
    /,
    *,
    input: str,  # noqa: A002
    output: str,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    threads: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    time_limit_s: float | None = None,
    json: bool = False,
) -> None:
    """Run a network on an event file of any size and write the output layer's spikes.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz) with the input spikes.
        output: event file to write; it appears when the run is complete.
        backend: how to run it; all give the same spikes.
        n_steps: steps for each sample; the input's own number if not given. With the network's depth added, the last
            input spikes are answered too, and the accuracy is given where labels and readout are known.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
        time_limit_s: seconds after which a Lava run of 64 samples is killed.
        json: print the summary as JSON.
    """
    loaded = load(network)
    file = EventFile(input)
    for name, path in (("input", input), ("network", network)):
        if os.path.exists(output) and os.path.samefile(path, output):
            raise LapilliError(f"--output must not be the {name} file {path}")
    steps = file.n_steps if n_steps is None else n_steps
    # A class is decided, as in training, when the last input spikes have been answered.
    decides = "readout" in loaded.metadata and file.labels is not None and steps >= file.n_steps + loaded.depth
    record = needed_recording(loaded) if decides else {}
    facts: dict[str, Any] = {"backend": backend, "samples": len(file), "steps": steps}
    totals = {"output_spikes": 0, "syn_ops": 0, "right": 0, "seconds": 0.0}
    with progress_bar("simulating", len(file)) as advance, EventWriter(output, steps, loaded.output.shape) as writer:
        for result in run_file(
            loaded,
            file,
            backend,
            jobs=jobs,
            scheduler=scheduler,
            n_steps=steps,
            record=record,
            threads=threads,
            time_limit_s=time_limit_s,
            progress=advance,
        ):
            writer.add(result.spikes)
            totals["output_spikes"] += result.spikes.n_events
            totals["syn_ops"] += int(result.counts.syn_ops.sum())
            totals["seconds"] += result.seconds
            totals["right"] += int(np.sum(decide(result, loaded) == result.spikes.labels)) if decides else 0
    right = totals.pop("right")
    facts |= totals | {"fingerprint": loaded.fingerprint, "output": output}
    if decides and len(file):
        facts["accuracy"] = right / len(file)
    if json:
        print_json(facts)
    else:
        print(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))
