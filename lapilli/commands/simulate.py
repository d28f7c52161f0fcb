"""`lapilli simulate`."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from lapilli.choices import names, numbers
from lapilli.decided import check_decision_files, decision_facts, decision_line, decisions_file, draw_confusion
from lapilli.netx_exports import LapilliError, Network
from lapilli.output import print_json, progress_bar
from lapilli.paths import EVENTS, check_outputs
from lapilli.printable import say
from lapilli.simulators.decisions.decide import needed_recording
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.files.event_file import EventWriter
from lapilli.simulators.recording.choice import BoundedRecording, bounded_recording, choose_record, recorded_parts
from lapilli.simulators.recording.writer import RecordingWriter, recording_writer
from lapilli.simulators.run import BackendName, check_input
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName


def simulate(
    network: str,
    /,
    *,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName | None = None,
    samples: int | None = None,
    out: str | None = None,
    decisions: str | None = None,
    confusion: str | None = None,
    readout: str | None = None,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    record: str | None = None,
    recording: str | None = None,
    layers: str | None = None,
    record_samples: str | None = None,
    threads: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
    json: bool = False,
) -> None:
    """Run a network on events of any number and say what it decides; write its output spikes, decisions, recordings.

    Arguments:
        network: file with the network (NetX HDF5), or run folder.
        input: event file (.npz) with the input spikes; without it and without --data, the test part of the run.
        data: data set in place of an event file; `lapilli data list` has them.
        part: part of the data set that is read. Without it, that is "test".
        samples: how many samples are read, from the first on. Without it, all are.
        out: event file to write the output layer's spikes to; it appears when the run is complete.
        decisions: table (.csv) to write, a row for each sample: its label, the class decided, the score of each class.
        confusion: picture (.svg or .png) of the confusion matrix to write; the input needs labels.
        readout: how a class is decided, for a network that does not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        backend: how to run it; all give the same spikes.
        n_steps: steps for each sample. Without it, a sample runs until its last input spike is answered.
        record: what else to keep, as "spikes,voltage,current"; other neuron models have other states.
        recording: file (.npz) to write that to, for `lapilli plot` and for numpy; at most 4 GiB before compression.
        layers: layers to record, as "hidden,output", also "input"; if not given, all that have what is recorded.
        record_samples: samples to record, as "0,3,5:8" (0, 3, 5, 6 and 7); all if not given.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
        time_limit_s: seconds after which a Lava run of up to 64 samples is killed.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
        json: print the summary as JSON, with the accuracy of each class and the confusion matrix.
    """
    source = find_network(network, readout)
    written = {"out": out, "recording": recording, "decisions": decisions, "confusion": confusion}
    check_outputs((input, source.path), written, EVENTS)
    inputs = find_inputs(InputOptions(input, data, part, samples, framing, split, lines), source.run)
    check_input(source.network, inputs.shape)
    steps = source.steps(inputs.n_steps, n_steps)
    bounded = _bounded(source.network, steps, len(inputs), record, recording, layers, record_samples)
    undecided = source.why_undecided(inputs.n_steps, steps)
    check_decision_files(decisions, confusion, undecided, inputs.labels is not None)
    with ExitStack() as stack:
        write = _spike_writer(stack, out, steps, source.network)
        recorder = None if recording is None else stack.enter_context(recording_writer(recording, bounded))
        add = stack.enter_context(decisions_file(decisions))

        def each(done: Decided) -> None:
            write(done)
            if recorder is not None:
                recorder.add(done.events, done.result)
            if done.scores is not None:
                add(done.scores, done.events.labels)

        with progress_bar("simulating", len(inputs)) as advance:
            totals = run_and_decide(
                source.network,
                recorded_parts(inputs, bounded, {} if undecided else needed_recording(source.network)),
                backend,
                decided=not undecided,
                each=each,
                jobs=jobs,
                scheduler=scheduler,
                n_steps=steps,
                threads=threads,
                time_limit_s=time_limit_s,
                progress=advance,
            )
        if recorder is not None:
            _finish(recorder)
    if totals.n_compared:
        draw_confusion(confusion, totals.confusion, f"{source.name} on {inputs.name}", inputs.class_names)
    facts: dict[str, Any] = {"backend": backend, "samples": len(inputs), "steps": steps}
    facts |= {"output_spikes": totals.output_events, "syn_ops": totals.operations, "seconds": totals.seconds}
    facts |= {"fingerprint": source.network.fingerprint}
    facts |= {option: path for option, path in written.items() if path is not None and option != "decisions"}
    if recording is not None:
        facts |= {"recorded_samples": len(bounded.samples)}
    if decisions is not None:
        facts |= {"decisions_file": decisions}
    if json:
        print_json({**facts, **decision_facts(totals.confusion, undecided, inputs.class_names)})
    else:
        facts["seconds"] = f"{totals.seconds:.3g}"
        say(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))
        say(decision_line(totals.confusion, undecided, inputs.class_names))


def _spike_writer(stack: ExitStack, out: str | None, steps: int, network: Network) -> Callable[[Decided], None]:
    """What writes the output spikes of each part; without a file it does nothing."""
    if out is None:
        return lambda done: None
    writer = stack.enter_context(EventWriter(out, steps, network.output.shape))
    return lambda done: writer.add(done.result.spikes)


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
        for option, value in (("record", record), ("layers", layers), ("record-samples", samples)):
            if value is not None:
                raise LapilliError(f"--{option} needs --recording FILE.npz, the file to record to")
        return bounded_recording(network, steps, n_samples, {}, np.zeros(0, np.int64))
    kinds = names(record, "record")
    if kinds is None:
        raise LapilliError("--recording needs --record, what to record, as spikes,voltage")
    chosen = choose_record(network, kinds, names(layers, "layers"))
    return bounded_recording(network, steps, n_samples, chosen, numbers(samples, "record-samples", n_samples))


def _finish(recorder: RecordingWriter) -> None:
    with progress_bar("writing the recording", recorder.n_bytes) as advance:
        recorder.finish(advance)
