"""`lapilli simulate`."""

from contextlib import ExitStack
from typing import Any

import numpy as np

from lapilli.choices import names, numbers
from lapilli.netx_exports import LapilliError, Network, load
from lapilli.output import print_json, progress_bar
from lapilli.paths import check_outputs
from lapilli.printable import say
from lapilli.simulators.decisions.decide import needed_recording, why_undecided
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.files.event_file import EventFile, EventWriter
from lapilli.simulators.recording.choice import BoundedRecording, bounded_recording, choose_record, recorded_parts
from lapilli.simulators.recording.writer import RecordingWriter, recording_writer
from lapilli.simulators.run import BackendName


def simulate(
    network: str,
    /,
    *,
    input: str,  # noqa: A002
    output: str,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    record: str | None = None,
    recording: str | None = None,
    layers: str | None = None,
    samples: str | None = None,
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
        record: what else to keep, as "spikes,voltage,current"; other neuron models have other states.
        recording: file (.npz) to write that to, for `lapilli plot` and for numpy; at most 4 GiB before compression.
        layers: layers to record, as "hidden,output", also "input"; if not given, all that have what is recorded.
        samples: samples to record, as "0,3,5:8" (0, 3, 5, 6 and 7); all if not given.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
        time_limit_s: seconds after which a Lava run of up to 64 samples is killed.
        json: print the summary as JSON.
    """
    loaded = load(network)
    file = EventFile(input)
    check_outputs((input, network), {"output": output, "recording": recording})
    steps = file.n_steps if n_steps is None else n_steps
    bounded = _bounded(loaded, steps, len(file), record, recording, layers, samples)
    decided = file.labels is not None and not why_undecided(loaded, file.n_steps, steps)
    always = needed_recording(loaded) if decided else {}
    with ExitStack() as stack:
        writer = stack.enter_context(EventWriter(output, steps, loaded.output.shape))
        recorder = None if recording is None else stack.enter_context(recording_writer(recording, bounded))

        def write(part: Decided) -> None:
            writer.add(part.result.spikes)
            if recorder is not None:
                recorder.add(part.events, part.result)

        with progress_bar("simulating", len(file)) as advance:
            totals = run_and_decide(
                loaded,
                recorded_parts(file, bounded, always),
                backend,
                decided=decided,
                each=write,
                jobs=jobs,
                scheduler=scheduler,
                n_steps=steps,
                threads=threads,
                time_limit_s=time_limit_s,
                progress=advance,
            )
        if recorder is not None:
            _finish(recorder)
    facts: dict[str, Any] = {"backend": backend, "samples": len(file), "steps": steps}
    facts |= {"output_spikes": totals.output_events, "syn_ops": totals.operations, "seconds": totals.seconds}
    facts |= {"fingerprint": loaded.fingerprint, "output": output}
    if recording is not None:
        facts |= {"recording": recording, "recorded_samples": len(bounded.samples)}
    if totals.n_compared:
        facts["accuracy"] = totals.accuracy
    if json:
        print_json(facts)
    else:
        say(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))


def _bounded(
    network: Network,
    steps: int,
    n_samples: int,
    record: str | None,
    recording: str | None,
    layers: str | None,
    samples: str | None,
) -> BoundedRecording:
    if recording is None:
        for option, value in (("record", record), ("layers", layers), ("samples", samples)):
            if value is not None:
                raise LapilliError(f"--{option} needs --recording FILE.npz, the file to record to")
        return bounded_recording(network, steps, n_samples, {}, np.zeros(0, np.int64))
    kinds = names(record, "record")
    if kinds is None:
        raise LapilliError("--recording needs --record, what to record, as spikes,voltage")
    chosen = choose_record(network, kinds, names(layers, "layers"))
    return bounded_recording(network, steps, n_samples, chosen, numbers(samples, "samples", n_samples))


def _finish(recorder: RecordingWriter) -> None:
    with progress_bar("writing the recording", recorder.n_bytes) as advance:
        recorder.finish(advance)
