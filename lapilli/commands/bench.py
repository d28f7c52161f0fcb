"""`lapilli bench`."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lapilli.choices import wrong_word
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, print_table, progress_bar
from lapilli.paths import check_outputs
from lapilli.simulators.bench import PARTS, Row, Sizes, Watch, bench_part, known
from lapilli.simulators.evidence.provenance import provenance, write_csv


def bench(
    what: str = "",
    /,
    *,
    parts: str = ",".join(PARTS),
    hidden: list[int] = [256, 512, 1024],  # noqa: B006
    steps: int = 1000,
    density: float = 0.02,
    batch: int = 64,
    repeats: int = 5,
    samples: int = 2264,
    memory_samples: int = 100_000,
    seed: int = 0,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Measure speed and memory beside Lava and others, outputs compared first (`bench simulate`, `bench train`).

    Arguments:
        what: "simulate"; `lapilli bench train --help` lists the options of "train".
        parts: which parts to run, separated by commas.
        hidden: recurrent neurons of each network to measure (700 inputs, 20 outputs).
        steps: steps of each sample.
        density: probability of an input spike for each neuron and step.
        batch: samples of the larger batch.
        repeats: timed runs of each case.
        samples: samples of the event file of the part `file`.
        memory_samples: samples of the event file of the part `memory`.
        seed: of weights and input.
        out: CSV file to write the rows to.
        json: print the rows as JSON.
    """
    if what != "simulate":
        raise wrong_word("bench", what)
    if not hidden or min(*hidden, steps, batch, repeats, samples, memory_samples) < 1 or not 0 <= density <= 1:
        raise LapilliError("bench: hidden, steps, batch, repeats and samples must be positive and density in 0…1")
    if seed < 0:
        raise LapilliError(f"bench: seed must be at least 0, got {seed}")
    check_outputs((), {"out": out}, (".csv",))
    names = known([name.strip() for name in parts.strip("[]").split(",")])
    sizes = Sizes(tuple(hidden), steps, density, batch, repeats, samples, memory_samples, seed)
    watch = Watch(note, no_bar if json else progress_bar)
    found: list[Row] = []
    for number, name in enumerate(names):
        note(f"part {number + 1} of {len(names)}: {name}, {PARTS[name].title}")
        rows = bench_part(name, sizes, watch)
        found += rows
        if rows and not json:
            print_part(PARTS[name].title, rows)
        if out is not None and found:
            # After each part, so that a failure in a later one loses nothing.
            write_csv(out, records(found, seed))
    if json:
        print_json(records(found, seed))


def print_part(title: str, rows: Sequence[Row]) -> None:
    """A table of the rows of one part; below it what was compared and what else should be known."""
    ratio_of = next((row.ratio_of for row in rows if row.ratio_of), "ratio")
    headings = {"network": "network", "what": "what", "batch": "batch", "threads": "threads", "median": rows[0].unit}
    headings |= {"min": "min", "max": "max", "ratio": ratio_of, "bar": "bar", "met": "met"}
    records = [row.as_dict() for row in rows]
    constant = [name for name in ("network", "batch", "threads") if len({record[name] for record in records}) == 1]
    empty = [name for name in headings if not any(record[name] for record in records)]
    names = [name for name in headings if name not in constant + empty]
    facts = [str(records[0][name]) if name == "network" else f"{name} {records[0][name]:,}" for name in constant]
    cells = [[record[name] for name in names] for record in records]
    print_table(": ".join([title, *([", ".join(facts)] if facts else [])]), [headings[name] for name in names], cells)
    for text, whom in _remarks(rows).items():
        print(f"  {whom}: {text}" if whom else f"  {text}")
    print(flush=True)


def _remarks(rows: Sequence[Row]) -> dict[str, str]:
    """Each text once, and the rows that it is about: "" for all, a network for all of its rows."""
    about: dict[str, list[Row]] = {}
    for row in rows:
        for text in (row.compared, row.remark):
            about.setdefault(text, []).append(row)
    about.pop("", None)
    return {text: _name(concerned, rows) for text, concerned in about.items()}


def _name(concerned: Sequence[Row], rows: Sequence[Row]) -> str:
    if len(concerned) == len(rows):
        return ""
    networks = {row.network for row in rows}
    if concerned == [row for row in rows if row.network == concerned[0].network]:
        return concerned[0].network
    return ", ".join(dict.fromkeys(f"{row.network} {row.what}" if len(networks) > 1 else row.what for row in concerned))


def records(rows: Sequence[Row], seed: int) -> list[dict[str, Any]]:
    """Rows as they are written, with where they come from."""
    origin = provenance(seed)
    return [{**row.as_dict(), **origin} for row in rows]


def note(text: str) -> None:
    """Progress goes to the error stream: the standard output has the tables, or the JSON."""
    print(text, file=sys.stderr, flush=True)


def no_bar(what: str, total: int) -> AbstractContextManager[Any]:
    """In place of a progress bar."""
    return nullcontext(lambda n: None)
