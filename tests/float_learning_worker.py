"""A worker that learns in Lava's floating-point models: a recurrent layer whose learning signal is given."""

from pathlib import Path
from typing import Any

import numpy as np

from simulators.lava_worker import RunJob, load_lava, serve


class FloatJob:
    """What the worker runs: arrays by name, scalars as arrays without axes."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def save(self, path: Path) -> None:
        np.savez(path, **self.values)


def run_float(folder: Path) -> float:
    from lava_models.learning_dense import AlignedLearningDense, stllr_rule
    from lava_models.learning_neurons import LearningLif
    from lava_models.learning_signal import SignalSource
    from lava_models.rows import RowWriter
    from lava_models.runtime import lava_run, run_steps
    from lava_models.source import EventSource

    with np.load(folder / "job.npz", allow_pickle=False) as archive:
        job = {name: archive[name] if archive[name].ndim else archive[name].item() for name in archive.files}
    n_steps, period = len(job["spikes"]), job["period"]
    step, neuron = (array.astype(np.int32) for array in np.nonzero(job["spikes"]))
    n_neurons, n_inputs = job["forward"].shape
    source = EventSource(n_neurons=n_inputs, step=step, neuron=neuron, value=np.ones(len(step), np.int32))
    with lava_run(source):
        neurons = LearningLif(
            shape=(n_neurons,), vth=job["vth"], du=job["du"], dv=job["dv"], bias_mant=job["bias"],
            post_decay=job["post_decay"], psi=job["psi"], period=period,
        )  # fmt: skip
        for name, sender in (("forward", source.s_out), ("recurrent", neurons.s_out)):
            rule = stllr_rule(
                tuple(job["causal"]), tuple(job["non_causal"]), job["tau"], job["impulse"], 0, fixed_point=False
            )
            writer = RowWriter(f"{folder}/{name}.npy", n_steps // period, job[name].shape, np.float64)
            dense = AlignedLearningDense(weights=job[name], learning_rule=rule, period=period, weight_writer=writer)
            sender.connect(dense.s_in)
            dense.a_out.connect(neurons.a_in)
            neurons.s_out_bap.connect(dense.s_in_bap)
            neurons.s_out_y1.connect(dense.s_in_y1)
            neurons.s_out_y2.connect(dense.s_in_y2)
            neurons.s_out_y3.connect(dense.s_in_y3)
        SignalSource(rows=job["signal"]).signal_out.connect(neurons.a_third_factor_in)
        return run_steps(source, n_steps, "floating_pt")


def load() -> RunJob:
    load_lava()
    return run_float


if __name__ == "__main__":
    serve(load)
