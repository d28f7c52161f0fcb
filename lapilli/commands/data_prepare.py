"""`lapilli data prepare`."""

import sys
import time
from dataclasses import asdict, replace
from typing import Any

from lapilli.commands.data import catalogue, with_lines
from lapilli.output import print_json, print_table
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.origins import check_packed


def data_prepare(
    name: str,
    /,
    *,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines = "none",
    skip_empty: bool = False,
    json: bool = False,
) -> None:
    """Turn a data set into spikes of time steps, cached for all trainings; what is cached already is checked.

    Arguments:
        name: of the data set; `lapilli data list` has them.
        framing: how recordings become steps.
        split: which samples belong to which part.
        lines: inputs beside the channels, "valid" or "valid and keys", as `data.lines` of a training. They are added
            when samples are read, so that what is cached is the same.
        skip_empty: leave out recordings without events, and say which, instead of stopping at the first; as
            `framing.skip_empty`, which trainings have too.
        json: print what came out as JSON.
    """
    check_packed(name)
    framing = replace(framing, skip_empty=framing.skip_empty or skip_empty)
    if catalogue().remove_damaged(name, framing):
        print(f"what was prepared of {name} does not have its checksums and is made anew", file=sys.stderr)
    catalogue().prepared(name, framing, split)
    started = time.perf_counter()
    found = catalogue().prepared(name, framing, split)
    parts = with_lines(found.parts, lines)
    facts = {
        "name": name,
        "classes": list(found.classes),
        "shape": list(parts["train"].shape),
        "n_steps": found.n_steps,
        "step_ms": found.step_ms,
        "framing": asdict(framing),
        "split": asdict(split),
        "lines": lines,
        "folder": None if found.folder is None else str(found.folder),
        "skipped": found.skipped.tolist(),
        "open_seconds": round(time.perf_counter() - started, 4),
        "parts": [_facts(part, samples) for part, samples in parts.items()],
    }
    if json:
        print_json(facts)
    else:
        _print(facts)
        if len(found.skipped):
            print(catalogue().skipped_words(found))


def _facts(part: str, samples: Any) -> dict[str, Any]:
    known = samples.groups[samples.groups >= 0]
    return {
        "part": part,
        "samples": len(samples),
        "groups": len(set(known.tolist())),
        "spikes_per_sample": round(samples.n_events / max(len(samples), 1), 1),
        "shortest": int(samples.lengths.min(initial=samples.n_steps)),
        "longest": int(samples.lengths.max(initial=0)),
    }


def _print(facts: dict[str, Any]) -> None:
    width = "" if facts["step_ms"] is None else f" of {facts['step_ms']:g} ms"
    shape = " × ".join(map(str, facts["shape"]))
    title = f"{facts['name']}: {len(facts['classes'])} classes, input {shape}, {facts['n_steps']} steps{width}"
    columns = ["part", "samples", "groups", "spikes a sample", "shortest (steps)", "longest"]
    print_table(title, columns, [tuple(part.values()) for part in facts["parts"]])
    place = "" if facts["folder"] is None else f" from {facts['folder']}"
    print(f"opens in {facts['open_seconds']:.3f} s{place}")
