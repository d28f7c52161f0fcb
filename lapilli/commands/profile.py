"""`lapilli profile`."""

import os
from contextlib import ExitStack

from lapilli.choices import names
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
from lapilli.simulators.evidence.provenance import write_csv
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.run import BackendName


def profile(
    network: str,
    /,
    *,
    input: str,  # noqa: A002
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
) -> None:
    """Count what a network does on an event file of any size, exactly; then estimate its energy by several cost tables.

    Arguments:
        network: file with the network (NetX HDF5).
        input: event file (.npz) with the input spikes; with labels, the accuracy is given too.
        compare: more networks to run on the same input, as "small.net,pruned.net".
        time_steps: cut the input of each sample to its first steps, as "4,8,16": a profile for each.
        tables: cost tables, names of those that come with lapilli or paths of your own, as "loihi1,mine.yaml"; all that
            come with lapilli if not given (docs/bill.md).
        backend: how to run it; all give the same counts.
        n_steps: steps for each sample; the input's own number plus the network's depth if not given.
        html: page to write, with pictures and every assumption; it needs no network connection.
        csv: table to write, a row for each network, number of steps, layer and quantity.
        json: print everything as JSON, the counts of each sample too.
        threads: worker threads of `fast`; all cores if not given.
        jobs: worker processes; samples are split over them.
        scheduler: address of a Dask scheduler, whose cluster then does the work.
    """
    file, prices = EventFile(input), find_tables(tables)
    paths = [network, *(names(unbracketed(compare), "compare") or [])]
    cases = find_cases(paths, file, n_steps, time_steps)
    own_tables = [path for path in names(unbracketed(tables), "tables") or [] if os.path.isfile(path)]
    check_outputs([input, *paths, *own_tables], {"html": html, "csv": csv})
    engine = {"jobs": jobs, "scheduler": scheduler, "threads": threads}
    closer = json or html is not None
    with ExitStack() as stack:
        # Opened first, so that a path that cannot be written is known before the run.
        targets = {path: stack.enter_context(replacing(path)) for path in (html, csv) if path is not None}
        found = []
        for case in cases:
            with progress_bar(f"{case.name}, {case.n_steps} steps", len(file)) as advance:
                found.append(measure(case, file, backend, prices, closer=closer, progress=advance, **engine))
        if html is not None:
            targets[html].write_text(page(found, prices, input), encoding="utf-8")
        if csv is not None:
            write_csv(targets[csv], profile_rows(found))
    if json:
        print_json(profile_json(found, prices))
    elif len(found) == 1:
        print_profile(found[0])
    else:
        print_comparison(found)
    if not json:
        for what, path in (("page", html), ("rows", csv)):
            if path is not None:
                say(f"{what}: {path}")
