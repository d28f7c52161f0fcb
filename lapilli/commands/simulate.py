"""`lapilli simulate`."""

import os
from typing import Any

from lapilli.output import print_json, progress_bar
from netx_exports import LapilliError, Network, load
from simulators import Events, RunResult, run
from simulators.decisions import accuracy, decide, needed_recording
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
    time_limit_s: float | None = None,
    json: bool = False,
) -> None:
    """Run a network on an event file and write the output layer's spikes.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz) with the input spikes.
        output: event file to write.
        backend: how to run it; all give the same spikes.
        n_steps: steps for each sample; the input's own number if not given (add the network's depth for the drain).
        threads: worker threads of `fast`; all cores if not given.
        time_limit_s: seconds after which a Lava run is killed.
        json: print the summary as JSON.
    """
    if os.path.abspath(input) == os.path.abspath(output):
        raise LapilliError(f"--output must not be the input file {input}")
    loaded = load(network)
    events = Events.load(input)
    decides = "readout" in loaded.metadata and events.labels is not None
    with progress_bar("simulating", len(events)) as advance:
        result = run(
            loaded,
            events,
            backend,
            n_steps=n_steps,
            record=needed_recording(loaded) if decides else (),
            threads=threads,
            time_limit_s=time_limit_s,
            progress=advance,
        )
    result.spikes.save(output)
    summary = _summary(loaded, events, result, output)
    if decides:
        summary["accuracy"] = accuracy(decide(result, loaded), events.labels)
    if json:
        print_json(summary)
    else:
        print(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in summary.items()))


def _summary(network: Network, events: Events, result: RunResult, output: str) -> dict[str, Any]:
    return {
        "backend": result.backend,
        "samples": len(events),
        "steps": result.spikes.n_steps,
        "output_spikes": result.spikes.n_events,
        "syn_ops": int(result.counts.syn_ops.sum()),
        "seconds": round(result.seconds, 6),
        "fingerprint": network.fingerprint,
        "output": output,
    }
