"""Lava's floating-point learning Processes and the equations of S-TLLR, looped over in numpy: the same weights to 1e-9.

Lava lets y1, y2 and y3 decay by exp(-1 / 65535) between the neuron and the product: two factors in every term.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from float_learning_worker import FloatJob

from simulators.lava_client import LavaRunError, LavaWorker, installed

pytestmark = pytest.mark.skipif(not installed("lava.magma"), reason="lava-nc is not installed")

Y_DECAY = np.exp(-1 / 65535)

SECONDARY = {
    "a": lambda v: 1 / (100 * np.abs(v) + 1) ** 2,
    "b": lambda v: 0.3 * np.maximum(1 - np.abs(v), 0),
    "c": lambda v: 4 * (1 / (1 + np.exp(-4 * v))) * (1 - 1 / (1 + np.exp(-4 * v))),
    "d": lambda v: 1 / (1 + (10 * v) ** 2),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[LavaWorker]:
    worker = LavaWorker("float_learning_worker")
    yield worker
    worker.process.close()


def job(psi: str, n_steps: int, period: int) -> dict[str, Any]:
    generator = np.random.default_rng(ord(psi))
    return {
        "psi": psi,
        "period": period,
        "spikes": (generator.random((n_steps, 6)) < 0.2).astype(np.int64),
        "signal": generator.normal(0, 1, (n_steps, 5)),
        "forward": generator.normal(0.1, 0.3, (5, 6)),
        "recurrent": generator.normal(0, 0.3, (5, 5)),
        "vth": 1.0,
        "du": 0.4,
        "dv": 0.1,
        "bias": 0.01,
        "post_decay": 0.2,
        "tau": 4.0,
        "impulse": 0.5,
        "causal": np.array([-3, -6]),
        "non_causal": np.array([1, -6]),
    }


def directly(job: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights after the last step, and the number of spikes; synapse by synapse as the paper writes it."""
    forward, recurrent = job["forward"].copy(), job["recurrent"].copy()
    keep, psi_of = np.exp(-1 / job["tau"]), SECONDARY[job["psi"]]
    causal, non_causal = (m * 2.0**e for m, e in (job["causal"], job["non_causal"]))
    n_spikes = 0
    for step, (spikes, signal) in enumerate(zip(job["spikes"], job["signal"])):
        first = step % job["period"] == 0
        if first:
            u, v, post, arriving = (np.zeros(5) for _ in range(4))
            q, q_rec, before, own_before = np.zeros(6), np.zeros(5), np.zeros(6), np.zeros(5)
        u = u * (1 - job["du"]) + arriving
        v = v * (1 - job["dv"]) + u + job["bias"]
        psi, own = psi_of(v - job["vth"]), (v > job["vth"]).astype(float)
        v = np.where(own > 0, 0, v)
        arriving = forward @ spikes + recurrent @ own
        q, q_rec = keep * q + job["impulse"] * before, keep * q_rec + job["impulse"] * own_before
        learning = signal * Y_DECAY**2 * (not first)
        for weights, trace, arrived in ((forward, q, before), (recurrent, q_rec, own_before)):
            for i in range(weights.shape[0]):
                for j in range(weights.shape[1]):
                    eligibility = causal * psi[i] * trace[j] + non_causal * post[i] * arrived[j]
                    weights[i, j] += learning[i] * eligibility
        post = job["post_decay"] * post + psi
        before, own_before = spikes.astype(float), own
        n_spikes += int(own.sum())
    return forward, recurrent, n_spikes


def lavas(worker: LavaWorker, job: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    folder = worker.new_folder()
    worker.run(FloatJob(**job), folder, None, None)
    return np.load(folder / "forward.npy")[-1], np.load(folder / "recurrent.npy")[-1]


@pytest.mark.parametrize(("psi", "period"), [("a", 240), ("b", 240), ("c", 240), ("d", 240), ("b", 80)])
def test_weights_are_those_of_the_equations(worker: LavaWorker, psi: str, period: int) -> None:
    case = job(psi, 240, period)
    forward, recurrent, n_spikes = directly(case)
    found = lavas(worker, case)
    assert n_spikes > 20
    assert np.abs(forward - case["forward"]).max() > 0.02, "learns"
    assert np.abs(recurrent - case["recurrent"]).max() > 0.005, "learns"
    np.testing.assert_allclose(found[0], forward, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[1], recurrent, rtol=0, atol=1e-9)


def test_a_signal_that_is_no_number_is_refused() -> None:
    case = job("b", 10, 10)
    case["signal"][3, 1] = np.nan
    worker = LavaWorker("float_learning_worker")
    with pytest.raises(LavaRunError, match=r"learning signal: must be finite, got .* in step 4"):
        lavas(worker, case)
