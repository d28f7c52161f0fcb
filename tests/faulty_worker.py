"""A Lava worker that runs a faulty graph where the network's only layer is named after a fault, else the network."""

from pathlib import Path

from simulators.lava_job import LavaJob
from simulators.lava_worker import load_lava, run_job, serve

FAULTS = ("step", "constructor", "killed", "deadlock")


def run_or_fail(folder: Path) -> float:
    from lava_faults.processes import Faulty

    from lava_models.runtime import lava_run, run_steps

    job = LavaJob.load(folder / "job.npz")
    if job.layers[0] not in FAULTS:
        return run_job(folder)
    process = Faulty(fault=job.layers[0])
    with lava_run(process):
        return run_steps(process, job.n_steps)


def load():
    load_lava()
    return run_or_fail


if __name__ == "__main__":
    serve(load)
