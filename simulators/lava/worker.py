"""The child interpreter of the `lava` backend: imports Lava once, runs one job after the other.

`python -m lapilli.simulators.lava.worker` reads the folder of a job from each line of standard input and answers
with one line of JSON: {"seconds": ...} when the job's rows lie in the folder, {"error": ..., "traceback": ...}
otherwise.
"""

import gc
import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.simulators.lava.counts import NAMED, load_counted
from lapilli.simulators.lava.job import LavaJob, load_network

IDLE_S = 600.0
"""A worker that nobody asks for this long ends; the next run starts another."""

RunJob = Callable[[Path], float]


def serve(load: Callable[[], RunJob], idle_s: float = IDLE_S) -> None:
    """Answer until standard input ends, then end this process.

    Arguments:
        load: imports what is needed and returns what runs the job in a folder, and returns the seconds that Lava ran.
        idle_s: seconds without a job after which it ends too.
    """
    # Lava and SLAYER print to standard output, which belongs to the answers here: it goes to the log instead.
    answers = os.dup(1)
    os.dup2(2, 1)
    status = 1
    try:
        _name_shared_memory(os.environ["LAPILLI_SHARED_MEMORY"])
        run_job = load()
        _answer(answers, {"ready": True})
        while select.select([0], [], [], idle_s)[0] and (line := sys.stdin.readline()):
            _answer(answers, _run(run_job, Path(line.rstrip("\n"))))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # No destructors: those of a failed Lava run may wait for processes that are gone.
        os._exit(status)


def _run(run_job: RunJob, folder: Path) -> dict[str, Any]:
    try:
        return {"seconds": run_job(folder)}
    except Exception as error:
        return {
            "error": getattr(error, "summary", f"{type(error).__name__}: {error}"),
            "traceback": getattr(error, "traceback", None) or traceback.format_exc(),
        }


def _answer(handle: int, answer: dict[str, Any]) -> None:
    os.write(handle, json.dumps(answer).encode() + b"\n")


def _name_shared_memory(prefix: str) -> None:
    """Give all segments and semaphores of this process and its children names that tell whose they are."""
    from multiprocessing import process, shared_memory

    shared_memory._SHM_NAME_PREFIX = f"/{prefix}"  # type: ignore[attr-defined]
    shared_memory._SHM_SAFE_NAME_LENGTH = len(prefix) + 17  # type: ignore[attr-defined]
    process.current_process()._config["semprefix"] = f"/{prefix}"  # type: ignore[attr-defined]


def run_job(folder: Path) -> float:
    """Run the job in `folder`.

    Leaves its rows there as `<layer number>.spikes.npy` and `<layer number>.<state>.npy`, what was counted of the
    input and of each layer as `input.counts.npy` and `<layer number>.counts.npy` (`lapilli.lava_models.counting`), and
    what kinds count by themselves as `named.json`: a list of [layer number, counter, number].
    """
    from lapilli.lava_models.counting import CountWriter
    from lapilli.lava_models.neurons.kinds import states_of
    from lapilli.lava_models.probe import probe
    from lapilli.lava_models.rows import RowWriter
    from lapilli.lava_models.runtime import lava_run, run_steps
    from lapilli.lava_models.sink import SpikeSink, SpikeWriter
    from lapilli.lava_models.source import EventSource

    job = LavaJob.load(folder / "job.npz")
    of_input, *of_layers = load_counted(Path(job.network).parent)
    counts = CountWriter(f"{folder}/input.counts.npy", job.n_steps, (job.n_inputs,), *of_input)
    source = EventSource(n_neurons=job.n_inputs, step=job.step, neuron=job.neuron, value=job.value, writers=[counts])
    with lava_run(source):
        graph, counters = _graph(job, source)
        for number, ((name, neuron), counted) in enumerate(zip(graph.items(), of_layers, strict=True)):
            shape, path = neuron.s_out.shape, f"{folder}/{number}"
            spikes: list[SpikeWriter] = [
                RowWriter(f"{path}.spikes.npy", job.n_steps, shape),
                CountWriter(f"{path}.counts.npy", job.n_steps, shape, *counted),
            ]
            if name in job.states:
                paths = {state: f"{path}.{state}.npy" for state in states_of(neuron)}
                probe(neuron, job.n_steps, spikes, paths)
            else:
                SpikeSink(sender=neuron.s_out, writers=spikes)
        seconds = run_steps(source, job.n_steps)
        named = [(number, name, int(np.ravel(var.get())[0])) for number, name, var in counters]
    (folder / NAMED).write_text(json.dumps(named))
    return seconds


def _graph(job: LavaJob, source: Any) -> tuple[dict[str, Any], list[tuple[int, str, Any]]]:
    """(neuron Process of each layer, by name; [layer number, counter, Var that counts it])."""
    from lapilli.lava_models.graph import build
    from lapilli.lava_models.neurons.kinds import LayerReset

    resets = {
        name: LayerReset(job.interval, offset)
        for name, offset in zip(job.layers, job.offsets)
        if job.interval is not None
    }
    if job.graph == "builder":
        built = build(load_network(Path(job.network)), source.s_out, resets)
        counters = [(number, *found) for number, layer in enumerate(built.values()) for found in layer.counters()]
        return {name: layer.neuron for name, layer in built.items()}, counters
    # Importing SLAYER takes seconds: only where it is needed.
    from lapilli.lava_models.stock import load_stock

    return load_stock(job.network, source.s_out, job.layers, resets.get(job.layers[0]), job.graded_input), []


def load_lava() -> RunJob:
    """Import Lava."""
    from lapilli.lava_models.runtime import remember_models

    remember_models()
    # Spares each forked process from copying, page by page, what its garbage collector would only look at.
    gc.collect()
    gc.freeze()
    return run_job


if __name__ == "__main__":
    serve(load_lava)
