"""The integer softmax: close to the real one, the same bits everywhere, a class decided by it."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.simulators import Events, run
from lapilli.simulators.decisions.decide import decide, needed_recording, scores
from lapilli.simulators.decisions.softmax import softmax_shares


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([10, 4096, 40_000, 1 << 23]), classes=st.integers(1, 35))
def test_shares_are_those_of_the_real_softmax(seed: int, spread: int, classes: int) -> None:
    voltages = np.random.default_rng(seed).integers(-spread, spread, (2, classes, 7)).astype(np.int32)
    real = np.exp((voltages - voltages.max(1, keepdims=True).astype(np.float64)) / 4096)
    real /= real.sum(1, keepdims=True)
    shares = softmax_shares(voltages)
    assert shares.dtype == np.int64
    assert np.abs(shares - real * 2**30).max() < 2 + classes


def test_equal_voltages_have_equal_shares() -> None:
    assert softmax_shares(np.full((1, 4, 2), -7, np.int32)).tolist() == [[[1 << 28] * 2] * 4]


def test_the_bits_are_the_same_on_every_machine() -> None:
    voltages = np.random.default_rng(0).integers(-60_000, 60_000, (3, 10, 50))
    shares = softmax_shares(voltages.astype(np.int32)).astype("<i8")
    assert hashlib.sha256(shares.tobytes()).hexdigest()[:16] == "05b058af6f59b435"


def test_the_sum_of_shares_decides_where_the_sum_of_voltages_would_not() -> None:
    """One step of a very high voltage is worth one share; three steps of a slightly higher one are worth more."""
    layer = Layer("out", (2,), CubaLif(NEVER_SPIKES, 4096, 4096), (DenseSynapse("input", [[254, 0], [0, 60]]),))
    events = Events.from_dense(np.array([[[1, 0, 0, 0, 0], [0, 1, 1, 1, 0]]]))
    for kind, decided in (("voltage_sum", 0), ("softmax_sum", 1)):
        network = Network((2,), (layer,), readout=Readout(kind))
        result = run(network, events, n_steps=5, record=needed_recording(network))
        assert decide(result, network).tolist() == [decided]
    shares = 1 / (1 + np.exp([-254 / 64, 60 / 64, 60 / 64, 60 / 64, 0]))
    assert np.allclose(scores(result, network)[0, 0] / 2**30, shares.sum())
