"""`lapilli profile`."""

import os
from contextlib import ExitStack

from lapilli.choices import names
from lapilli.decided import check_decision_files, decisions_file, draw_confusion
from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import replacing
from lapilli.output import print_json, progress_bar
from lapilli.paths import check_outputs
from lapilli.printable import say
from lapilli.profile.cases import find_cases, find_tables, unbracketed
from lapilli.profile.measuring import measure
from lapilli.profile.page import page
from lapilli.profile.records import profile_json
from lapilli.profile.rows import profile_rows
from lapilli.profile.terminal import print_comparison, print_profile
from lapilli.simulators.decisions.totals import Decided
from lapilli.simulators.evidence.provenance import write_csv
from lapilli.simulators.run import BackendName
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName


def profile(
    network: str,
    /,
    *,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName | None = None,
    samples: int | None = None,
    decisions: str | None = None,
    confusion: str | None = None,
    readout: str | None = None,
    compare: str | None = None,
    time_steps: str | None = None,
    tables: str | None = None,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    html: str | None = None,
    csv: str | None = None,
    json: bool = False,
    threads: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
) -> None:
    """Count what a network does on events of any number, exactly; then estimate its energy by several cost tables.

    Arguments:
        network: file with the network (NetX HDF5), or run folder.
        input: event file (.npz) with the input spikes; without it and without --data, the test part of the run.
        data: data set in place of an event file; `lapilli data list` has them.
        part: part of the data set that is read. Without it, that is "test".
        samples: how many samples are read, from the first on. Without it, all are.
        decisions: table (.csv) to write, a row for each sample: its label, the class decided, the score of each class.
        confusion: picture (.svg or .png) of the confusion matrix to write; the input needs labels.
        readout: how a class is decided, for networks that do not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        compare: more networks or run folders to run on the same input, as "small.net,pruned.net".
        time_steps: cut the input of each sample to its first steps, as "4,8,16": a profile for each.
        tables: cost tables, names of those that come with lapilli or paths of your own, as "loihi1,mine.yaml"; all that
            come with lapilli if not given (docs/reference/bill.md).
        backend: how to run it; all give the same counts.
        n_steps: steps for each sample. Without it, a sample runs until its last input spike is answered.
        html: page to write, with pictures and every assumption; it needs no network connection.
        csv: table to write, a row for each network, number of steps, layer and quantity.
        json: print everything as JSON, the counts of each sample too.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
    """
    words = [network, *(names(unbracketed(compare), "compare") or [])]
    sources = [find_network(word, readout) for word in words]
    prices = find_tables(tables)
    own_tables = [path for path in names(unbracketed(tables), "tables") or [] if os.path.isfile(path)]
    written = {"html": html, "csv": csv, "decisions": decisions, "confusion": confusion}
    check_outputs([input, *(source.path for source in sources), *own_tables], written)
    file = find_inputs(InputOptions(input, data, part, samples, framing, split, lines), sources[0].run)
    cases = find_cases(sources, file, n_steps, time_steps)
    if (decisions or confusion) and len(cases) > 1:
        raise LapilliError("--decisions and --confusion are of one network and one number of steps")
    check_decision_files(decisions, confusion, cases[0].why_undecided, cases[0].labelled)
    engine = {"jobs": jobs, "scheduler": scheduler, "threads": threads}
    closer = json or html is not None
    with ExitStack() as stack:
        # Opened first, so that a path that cannot be written is known before the run.
        targets = {path: stack.enter_context(replacing(path)) for path in (html, csv) if path is not None}
        add, found = stack.enter_context(decisions_file(decisions)), []

        def each(done: Decided) -> None:
            if done.scores is not None:
                add(done.scores, done.events.labels)

        for case in cases:
            with progress_bar(f"{case.name}, {case.n_steps} steps", len(file)) as advance:
                found.append(measure(case, file, backend, prices, closer=closer, each=each, progress=advance, **engine))
        if html is not None:
            targets[html].write_text(page(found, prices, file.name), encoding="utf-8")
        if csv is not None:
            write_csv(targets[csv], profile_rows(found))
    if found[0].confusion is not None:
        draw_confusion(confusion, found[0].confusion, f"{cases[0].name} on {file.name}", file.class_names)
    if json:
        print_json(profile_json(found, prices))
    elif len(found) == 1:
        print_profile(found[0])
    else:
        print_comparison(found)
    if not json:
        shown = {"page": html, "rows": csv, "decisions": decisions, "confusion matrix": confusion}
        for what, path in shown.items():
            if path is not None:
                say(f"{what}: {path}")
