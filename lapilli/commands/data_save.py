"""`lapilli data save`."""

from lapilli.output import print_json, progress_bar
from lapilli.paths import EVENTS, check_outputs
from lapilli.printable import say
from lapilli.simulators.files.event_file import EventWriter
from lapilli.simulators.many import SAMPLES_AT_ONCE
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.runs import find_run, is_folder
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName


def data_save(
    name: str,
    /,
    *,
    out: str,
    part: PartName = "test",
    samples: int | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
    json: bool = False,
) -> None:
    """Write a part of a data set as an event file, with labels, as every command and `Events.load` read it.

    Arguments:
        name: of the data set (`lapilli data list` has them), or a run folder: its data set, as its network reads it.
        out: event file (.npz) to write.
        part: "train", "validation" or "test".
        samples: how many samples are read, from the first on. Without it, all are.
        framing: how recordings become steps, by default as in the run.
        split: which samples belong to which part, by default as in the run.
        lines: inputs beside the channels, "valid" or "valid and keys", as `data.lines` of a training; if not given,
            those of the run.
        json: print what was written as JSON.
    """
    run = find_run(name)[1] if is_folder(name) else None
    options = InputOptions(None, None if run else name, part, samples, framing, split, lines)
    check_outputs((), {"out": out}, EVENTS)
    inputs = find_inputs(options, run)
    with EventWriter(out, inputs.n_steps, inputs.shape) as writer, progress_bar("writing", len(inputs)) as advance:
        n_events = 0
        for chunk in inputs.chunks(SAMPLES_AT_ONCE):
            writer.add(chunk)
            n_events += chunk.n_events
            advance(len(chunk))
    facts = {"out": out, "data": inputs.name, "samples": len(inputs), "steps": inputs.n_steps}
    facts |= {"shape": list(inputs.shape), "events": n_events, "classes": list(inputs.classes)}
    if json:
        print_json(facts)
    else:
        shape = " × ".join(map(str, inputs.shape))
        samples_of = f"{len(inputs):,} samples of {inputs.name}"
        say(f"{out}: {samples_of}, {inputs.n_steps} steps, input {shape}, {n_events:,} events")
