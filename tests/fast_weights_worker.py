"""A worker that keeps an attention's memory in the weights of Lava's own learning engine."""

from pathlib import Path

import numpy as np
from float_learning_worker import FloatJob

from lapilli.simulators.lava.worker import RunJob, load_lava, serve

RULE = "x0*y0"
"""A weight grows by one where its input and its neuron spike in the same step."""

FastWeightsJob = FloatJob
"""Spikes of keys, values and queries, (steps, neurons)."""


def run_fast_weights(folder: Path) -> float:
    """Each step as two: keys and values meet, then queries read; leaves weights, and what was read."""
    from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
    from lava.proc.dense.process import LearningDense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lapilli.lava_models.runtime import lava_run, run_steps

    with np.load(folder / "job.npz", allow_pickle=False) as archive:
        key, value, query = (archive[name] for name in ("key", "value", "query"))
    n_steps, size = key.shape
    before, behind = (np.zeros((size, 2 * n_steps + 1), np.int64) for _ in range(2))
    before[:, 0:-1:2], before[:, 1::2], behind[:, 0:-1:2] = key.T, query.T, value.T
    source = Source(data=before)
    with lava_run(source):
        rule = Loihi2FLearningRule(
            dw=RULE, x1_tau=1, x1_impulse=0, x2_tau=1, x2_impulse=0, y1_tau=1, y1_impulse=0, t_epoch=1
        )
        memory = LearningDense(weights=np.zeros((size, size), np.int64), learning_rule=rule)
        values, read = Source(data=behind), Sink(shape=(size,), buffer=2 * n_steps + 1)
        source.s_out.connect(memory.s_in)
        values.s_out.connect(memory.s_in_bap)
        memory.a_out.connect(read.a_in)
        seconds = run_steps(source, 2 * n_steps + 1)
        np.save(folder / "weights.npy", np.asarray(memory.weights.get()))
        # A synapse takes a step, so that a query of step 2t + 1 is answered in the next one.
        np.save(folder / "read.npy", np.asarray(read.data.get())[:, 2::2].T)
    return seconds


def load() -> RunJob:
    """Import Lava."""
    load_lava()
    return run_fast_weights


if __name__ == "__main__":
    serve(load)
