"""`lapilli data prepare`."""

import sys
import time
from dataclasses import asdict
from typing import Any

from lapilli.commands.data import catalogue, with_lines
from lapilli.output import print_json, print_table
from lapilli.training.data.framing import Framing, Lines, Split


def data_prepare(
    name: str,
    /,
    *,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines = "none",
    json: bool = False,
) -> None:
    """Turn a data set into spikes of time steps, cached for all trainings; what is cached already is checked.

    Arguments:
        name: of the data set; `lapilli data list` has them.
        framing: how recordings become steps.
        split: which samples belong to which part.
        lines: inputs beside the channels, "valid" or "valid and keys", as `data.lines` of a training. They are added
            when samples are read, so that what is cached is the same.
        json: print what came out as JSON.
    """
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
        "open_seconds": round(time.perf_counter() - started, 4),
        "parts": [_facts(part, samples) for part, samples in parts.items()],
    }
    if json:
        print_json(facts)
    else:
        _print(facts)


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
