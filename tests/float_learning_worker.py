"""A worker that learns in Lava's floating-point models: a recurrent layer whose learning signal is given, or comes from
the error of a readout that learns too."""

from pathlib import Path
from typing import Any

import numpy as np

from lapilli.simulators.lava.worker import RunJob, load_lava, serve


class FloatJob:
    """What the worker runs: arrays by name, scalars as arrays without axes."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def save(self, path: Path) -> None:
        np.savez(path, **self.values)


def run_float(folder: Path) -> float:
    from lapilli.lava_models.learning.neurons import LearningLif
    from lapilli.lava_models.runtime import lava_run, run_steps
    from lapilli.lava_models.source import EventSource

    with np.load(folder / "job.npz", allow_pickle=False) as archive:
        job = {name: archive[name] if archive[name].ndim else archive[name].item() for name in archive.files}
    step, neuron = (array.astype(np.int32) for array in np.nonzero(job["spikes"]))
    n_neurons, n_inputs = job["forward"].shape
    source = EventSource(n_neurons=n_inputs, step=step, neuron=neuron, value=np.ones(len(step), np.int32))
    with lava_run(source):
        neurons = LearningLif(
            shape=(n_neurons,), vth=job["vth"], du=job["du"], dv=job["dv"], bias_mant=job["bias"],
            post_decay=job["post_decay"], psi=job["psi"], period=job["period"],
        )  # fmt: skip
        for name, sender in (("forward", source), ("recurrent", neurons)):
            synapse(job, folder, name, sender, neurons, tuple(job["non_causal"]))
        {"given": given_signal, "readout": error_of_a_readout}[job["teacher"]](job, folder, neurons)
        return run_steps(source, len(job["spikes"]), "floating_pt")


def synapse(
    job: dict[str, Any], folder: Path, name: str, sender: Any, neurons: Any, non_causal: tuple[int, int]
) -> None:
    from lapilli.lava_models.learning.dense import AlignedLearningDense, stllr_rule
    from lapilli.lava_models.rows import RowWriter

    rule = stllr_rule(tuple(job["causal"]), non_causal, job["tau"], job["impulse"], 0, fixed_point=False)
    n_samples = len(job["spikes"]) // job["period"]
    writer = RowWriter(f"{folder}/{name}.npy", n_samples, job[name].shape, np.float64)
    dense = AlignedLearningDense(weights=job[name], learning_rule=rule, period=job["period"], weight_writer=writer)
    sender.s_out.connect(dense.s_in)
    dense.a_out.connect(neurons.a_in)
    neurons.s_out_bap.connect(dense.s_in_bap)
    neurons.s_out_y1.connect(dense.s_in_y1)
    neurons.s_out_y2.connect(dense.s_in_y2)
    neurons.s_out_y3.connect(dense.s_in_y3)


def given_signal(job: dict[str, Any], folder: Path, neurons: Any) -> None:
    from lapilli.lava_models.learning.signal import SignalSource

    SignalSource(rows=job["signal"]).signal_out.connect(neurons.a_third_factor_in)


def error_of_a_readout(job: dict[str, Any], folder: Path, neurons: Any) -> None:
    from lava.proc.dense.process import Dense

    from lapilli.lava_models.graph import GRADED_BITS
    from lapilli.lava_models.learning.readout import LearningReadout, float_softmax_error

    readout = LearningReadout(
        shape=(len(job["readout"]),), du=job["du"], dv=job["dv"], bias_mant=0, bias_exp=0,
        error=float_softmax_error, labels=job["labels"], period=job["period"], window=job["window"],
    )  # fmt: skip
    synapse(job, folder, "readout", neurons, readout, (0, 0))
    feedback = Dense(weights=job["feedback"], num_message_bits=GRADED_BITS)
    readout.error_out.connect(feedback.s_in)
    feedback.a_out.connect(neurons.a_third_factor_in)


def load() -> RunJob:
    load_lava()
    return run_float


if __name__ == "__main__":
    serve(load)
