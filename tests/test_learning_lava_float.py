"""Lava's floating-point learning Processes and the equations of S-TLLR, looped over in numpy: the same weights to 1e-9.

The learning signal is given, or it is the error of a readout through random weights (DFA).

Lava lets y1, y2 and y3 decay by exp(-1 / 65535) between the neuron and the product: two factors in every term.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from float_learning_worker import FloatJob

from lapilli.simulators.lava.client import LavaRunError, LavaWorker

pytestmark = pytest.mark.lava

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
        "teacher": "given",
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


def taught_job(window: int) -> dict[str, Any]:
    """Three samples of 80 steps, whose learning signal is the error of a readout of three classes."""
    case = job("d", 240, 80)
    generator = np.random.default_rng(window)
    return {name: value for name, value in case.items() if name != "signal"} | {
        "teacher": "readout",
        "window": window,
        "labels": np.array([2, 0, 1]),
        "readout": generator.normal(0, 0.3, (3, 5)),
        "feedback": generator.normal(0, 1, (5, 3)),
    }


def directly_taught(job: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights after the last step; the error of a step reaches the hidden neurons a step later."""
    forward, recurrent, readout = (job[name].copy() for name in ("forward", "recurrent", "readout"))
    keep, psi_of = np.exp(-1 / job["tau"]), SECONDARY[job["psi"]]
    causal, non_causal = (m * 2.0**e for m, e in (job["causal"], job["non_causal"]))
    for step, spikes in enumerate(job["spikes"]):
        sample, inside = divmod(step, job["period"])
        if inside == 0:
            u, v, post, arriving = (np.zeros(5) for _ in range(4))
            u_out, v_out, arriving_out, error = (np.zeros(3) for _ in range(4))
            q, q_own, q_out, before, own_before = np.zeros(6), np.zeros(5), np.zeros(5), np.zeros(6), np.zeros(5)
        signal = job["feedback"] @ error
        u = u * (1 - job["du"]) + arriving
        v = v * (1 - job["dv"]) + u + job["bias"]
        psi, own = psi_of(v - job["vth"]), (v > job["vth"]).astype(float)
        v = np.where(own > 0, 0, v)
        u_out = u_out * (1 - job["du"]) + arriving_out
        v_out = v_out * (1 - job["dv"]) + u_out
        error = np.zeros(3)
        if inside >= job["period"] - job["window"]:
            error = np.exp(v_out) / np.exp(v_out).sum() - np.eye(3)[job["labels"][sample]]
        arriving, arriving_out = forward @ spikes + recurrent @ own, readout @ own
        q, q_own = keep * q + job["impulse"] * before, keep * q_own + job["impulse"] * own_before
        q_out = keep * q_out + job["impulse"] * own_before
        for weights, trace, arrived in ((forward, q, before), (recurrent, q_own, own_before)):
            for i, j in np.ndindex(weights.shape):
                eligibility = causal * psi[i] * trace[j] + non_causal * post[i] * arrived[j]
                weights[i, j] += signal[i] * Y_DECAY**2 * eligibility
        for i, j in np.ndindex(readout.shape):
            readout[i, j] += causal * error[i] * Y_DECAY**2 * q_out[j]
        post = job["post_decay"] * post + psi
        before, own_before = spikes.astype(float), own
    return forward, recurrent, readout


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


@pytest.mark.parametrize("window", [80, 30])
def test_a_readout_teaches_hidden_neurons_by_its_error(worker: LavaWorker, window: int) -> None:
    case = taught_job(window)
    expected = directly_taught(case)
    folder = worker.new_folder()
    worker.run(FloatJob(**case), folder, None, None)
    for name, weights in zip(("forward", "recurrent", "readout"), expected):
        assert np.abs(weights - case[name]).max() > 0.01, "learns"
        np.testing.assert_allclose(np.load(folder / f"{name}.npy")[-1], weights, rtol=0, atol=1e-9)


def test_a_signal_that_is_no_number_is_refused() -> None:
    case = job("b", 10, 10)
    case["signal"][3, 1] = np.nan
    worker = LavaWorker("float_learning_worker")
    with pytest.raises(LavaRunError, match=r"learning signal: must be finite, got .* in step 4"):
        lavas(worker, case)


def test_an_error_that_is_no_number_is_refused() -> None:
    case = taught_job(80)
    case["readout"][1, 2] = np.nan
    worker = LavaWorker("float_learning_worker")
    with pytest.raises(LavaRunError, match=r"error of the readout: must be finite, got .* in step"):
        worker.run(FloatJob(**case), worker.new_folder(), None, None)
