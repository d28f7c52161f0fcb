"""`lapilli demo`: the whole path on data that ships with the install."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lapilli.commands.prove import proof_json, proof_lines
from lapilli.netx_exports import INPUT, Network, load
from lapilli.output import print_json, print_table, progress_bar
from lapilli.recipes import SURROGATE_GRADIENT
from lapilli.simulators import Events, Proof, run
from lapilli.simulators import prove as prove_backends
from lapilli.simulators.decisions.decide import accuracy, decide, needed_recording
from lapilli.simulators.plan import Backend
from lapilli.simulators.recording.plots import raster_picture, usual_record

if TYPE_CHECKING:
    from lapilli.training.recipes.surrogate_gradient import Summary

LAVA_SECONDS = 120
"""A Lava run of the demo that takes longer than this is killed."""


def demo(*, run_dir: str | None = None, json: bool = False) -> int:
    """Train, export, prove, simulate and count on handwritten digits; ends with a table and a picture.

    Exit status 0 if trained, exported and simulated networks agree in every spike, voltage and decision.

    Arguments:
        run_dir: folder for the results; the first free of runs/demo, runs/demo-2, … if not given.
        json: print the results as JSON.
    """
    recipe = SURROGATE_GRADIENT.function()
    from lapilli.training.data.digits import digits
    from lapilli.training.exported.export import load_module
    from lapilli.training.exported.slayer_backend import SlayerBackend
    from lapilli.training.loop.run_folder import make_empty

    folder = Path(run_dir) if run_dir else _free_folder(Path("runs/demo"))

    def say(text: str) -> None:
        if not json:
            print(text, flush=True)

    make_empty(folder)
    say(f"training on scikit-learn's digits as spike trains, run folder {folder}")
    summary = recipe(run_dir=folder, progress=not json)
    network, test = load(folder / "model.net"), digits("test")
    backends: dict[str, Backend | str] = {
        "slayer": SlayerBackend(load_module(folder)),
        "reference": "reference",
        "fast": "fast",
        "lava": "lava",
    }
    say("comparing every spike, current, voltage and count of the trained module and of the exported file")
    with progress_bar("proving", len(test)) as advance:
        proof = prove_backends(network, test, backends, time_limit_s=LAVA_SECONDS, progress=advance)
    say("timing")
    rows = [_measure(name, backend, network, test) for name, backend in backends.items() if name in proof.backends]
    picture = folder / "raster.png"
    _draw(network, test, picture)
    agree = proof.equal and not proof.skipped and len({row.decisions.tobytes() for row in rows}) == 1
    if json:
        print_json(_as_json(summary, proof, rows, folder))
    else:
        _print(summary, proof, rows, folder)
    return 0 if agree else 1


@dataclass(frozen=True)
class _Measured:
    backend: str
    accuracy: float
    decisions: "np.ndarray[Any, np.dtype[np.int64]]"
    syn_ops: float
    ms_per_sample: float


def _measure(name: str, backend: Backend | str, network: Network, test: Events) -> _Measured:
    steps, recording = test.n_steps + network.depth, needed_recording(network)
    result = run(network, test, backend, n_steps=steps, record=recording, time_limit_s=LAVA_SECONDS)  # type: ignore[arg-type]
    decisions = decide(result, network)
    per_sample = float(result.counts.syn_ops.sum()) / len(test)
    return _Measured(name, accuracy(decisions, test.labels), decisions, per_sample, 1e3 * result.seconds / len(test))


def _draw(network: Network, test: Events, path: Path) -> None:
    one = test.select([0])
    record = {name: kinds for name, kinds in usual_record(network).items() if name != INPUT}
    result = run(network, one, n_steps=test.n_steps + network.depth, record=record)
    label = "" if one.labels is None else f": a {one.labels[0]}, decided {decide(result, network)[0]}"
    raster_picture(network, one, result, 0, path, f"first test sample{label}")


def _print(summary: "Summary", proof: Proof, rows: list[_Measured], folder: Path) -> None:
    fast = next(row for row in rows if row.backend == "fast")
    table: list[list[object]] = [["trained", f"{summary.test_accuracy:.2%}", "", "", ""]]
    for row in rows:
        ratio = f"{row.ms_per_sample / fast.ms_per_sample:,.0f}"
        table.append([row.backend, f"{row.accuracy:.2%}", f"{row.syn_ops:,.1f}", f"{row.ms_per_sample:,.4f}", ratio])
    print()
    columns = ["test", "accuracy", "syn_ops per inference", "ms per sample", "times fast"]
    print_table(f"{proof.n_samples} held-out digits, {proof.n_steps} time steps", columns, table)
    print("\n".join(proof_lines(proof)))
    for name, what in (("model.net", "network"), ("raster.png", "picture"), ("metrics.csv", "training curve")):
        print(f"{what}: {folder / name}")
    print(f"seconds of training: {summary.seconds:.0f}")


def _as_json(summary: "Summary", proof: Proof, rows: list[_Measured], folder: Path) -> dict[str, Any]:
    backends = {
        row.backend: {key: value for key, value in vars(row).items() if key not in ("decisions", "backend")}
        for row in rows
    }
    facts = {"run_dir": str(folder), "time": time.strftime("%Y-%m-%dT%H:%M:%S")}
    return {**facts, "summary": asdict(summary), "proof": proof_json(proof), "backends": backends}


def _free_folder(first: Path) -> Path:
    candidates = (first.with_name(f"{first.name}-{number}") for number in range(2, 10**6))
    return first if not first.exists() else next(path for path in candidates if not path.exists())
