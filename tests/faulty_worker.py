"""A Lava worker that runs a faulty graph where the network's only layer is named after a fault, else the network."""

from pathlib import Path

from lapilli.simulators.lava.job import LavaJob
from lapilli.simulators.lava.worker import load_lava, run_job, serve

FAULTS = ("step", "constructor", "killed", "gone", "deadlock", "amid")


def run_or_fail(folder: Path) -> float:
    from lava_faults.processes import Faulty, Relay

    from lapilli.lava_models.runtime import lava_run, run_steps

    job = LavaJob.load(folder / "job.npz")
    if job.layers[0] not in FAULTS:
        return run_job(folder)
    process = Faulty(fault=job.layers[0]) if job.layers[0] != "amid" else Relay(faulty=False)
    if job.layers[0] == "amid":
        middle, last = Relay(faulty=True), Relay(faulty=False)
        process.a_out.connect(middle.a_in)
        middle.a_out.connect(last.a_in)
    with lava_run(process):
        return run_steps(process, job.n_steps)


def load():
    load_lava()
    return run_or_fail


if __name__ == "__main__":
    serve(load)
