"""`stock`: that our picture of stock lava-dl is what stock lava-dl does."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_networks import weights as random_weights

from lapilli.netx_exports import (
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Layer,
    Network,
    save,
)
from lapilli.netx_exports.netx.stock import is_plain, stock_problems, stock_weights
from lapilli.netx_exports.synapses.fitting import lossless_dense

NEURON = CubaLif(64, 1024, 128)

SILENTLY_WRONG = {
    "smallest is a power of two": [[-128, -2], [-4, -64]],
    "the same with a zero": [[-128, -2], [0, -64]],
    "odd, a zero, below -128": [[-131, -2], [0, -64]],
    "255 beside a negative one": [[255, 3], [0, -7]],
    # One spike alone is rounded to the right weight; two together are not.
    "half a unit lost": [[-64, -64], [0, -1]],
}
RIGHT = [
    [[-131, -2], [-4, -64]],
    [[-3, -2], [0, -63]],
    [[200, 3], [0, 7]],
    [[254, 3], [0, -256]],
    [[255, 3], [0, 7]],
    [[-3, 0], [0, 0]],
]


def dense_network(weights: npt.ArrayLike, recurrent: npt.ArrayLike | None = None) -> Network:
    n_out, n_in = np.shape(weights)
    synapses = [lossless_dense("input", weights)]
    if recurrent is not None:
        synapses.append(lossless_dense("a", recurrent))
    return Network((n_in,), (Layer("a", (n_out,), NEURON, tuple(synapses)),))


def lava_weights(weights: npt.NDArray[np.int64]) -> Any:
    """The weights that Lava's own functions leave, called as lava-dl's NetX reader and Lava's Dense call them."""
    from lava.lib.dl.netx.utils import optimize_weight_bits
    from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

    with contextlib.redirect_stdout(io.StringIO()), np.errstate(divide="ignore"):
        shifted, weight_bits, weight_exp, _ = optimize_weight_bits(weights)
    sign_mode = determine_sign_mode(shifted)
    stored = truncate_weights(clip_weights(shifted, sign_mode, num_bits=8), sign_mode, weight_bits)
    return stored / 2.0**-weight_exp


@pytest.fixture(scope="module")
def lava() -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import lava.lib.dl.netx.utils  # noqa: F401


@pytest.mark.lava
@pytest.mark.usefixtures("lava")
@given(st.integers(0, 2**32 - 1))
def test_weights_as_lavas_own_functions_leave_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, (int(rng.integers(1, 4)), int(rng.integers(1, 4))))
    if not weights.any():
        with pytest.raises(OverflowError):
            lava_weights(weights)
        assert stock_weights(weights) is None
    else:
        assert np.array_equal(stock_weights(weights), lava_weights(weights))


@given(st.integers(0, 2**32 - 1))
def test_a_problem_is_reported_exactly_where_weights_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, (3, 2))
    runs = stock_weights(weights)
    assert bool(stock_problems(dense_network(weights))) == (runs is None or not np.array_equal(runs, weights))


@pytest.mark.parametrize("weights", SILENTLY_WRONG.values(), ids=SILENTLY_WRONG.keys())
def test_silently_wrong_weights_are_reported(weights: list[list[int]]) -> None:
    network = dense_network(weights)
    assert is_plain(network)
    (problem,) = stock_problems(network)
    assert "wrongly without a word" in problem


@pytest.mark.parametrize("weights", RIGHT)
def test_right_weights_are_not(weights: list[list[int]]) -> None:
    assert stock_problems(dense_network(weights)) == ()


def test_a_problem_names_layer_place_and_values() -> None:
    assert stock_problems(dense_network(SILENTLY_WRONG["smallest is a power of two"])) == (
        "layer 'a': Lava runs 1 weights from 'input' wrongly without a word, "
        "the first, [0, 0], as -126 instead of -128",
    )


def test_slayers_even_weights_of_both_signs_are_always_right() -> None:
    weights = np.arange(-256, 256, 2).reshape(16, 16)
    assert stock_problems(dense_network(weights)) == ()


def test_recurrent_weights_share_one_shift() -> None:
    # Side by side the matrices are scaled as one of mixed sign, but Lava looks at each for itself and finds one sign:
    # low bits are shifted by -1, to nothing, or the smallest weight becomes -255.
    assert stock_problems(dense_network([[129, 3], [0, 0]])) == ()
    assert "instead of 129" in stock_problems(dense_network([[129, 3], [0, 0]], [[-1, 0], [0, 0]]))[0]
    assert "instead of -128" in stock_problems(dense_network([[-128, 0], [0, -3]], [[64, 0], [0, 2]]))[0]
    assert stock_problems(dense_network([[2, -4], [6, 8]], [[0, 0], [0, 0]])) == ()
    assert "OverflowError" in stock_problems(dense_network(np.zeros((2, 2)), np.zeros((2, 2))))[0]


RUN_STOCK = """
import contextlib, io, json, sys
import lapilli  # Lava on the Python of today
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from lava.lib.dl.netx.hdf5 import Network
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.source import RingBuffer
from lava.proc.monitor.process import Monitor
answers = []
for path in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()):
        network = Network(path)
        source, monitor = RingBuffer(data=np.array([[1, 0, 1, 0], [0, 1, 1, 0]])), Monitor()
        source.s_out.connect(network.inp)
        monitor.probe(network.layers[0].neuron.u, 4)
        network.run(condition=RunSteps(4), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        (current,) = next(iter(monitor.get_data().values())).values()
        network.stop()
    answers.append((current[1:4].astype(int) >> 6).T.tolist())
print(json.dumps(answers))
"""


@pytest.mark.lava
def test_running_stock_lava_shows_the_wrong_weights(tmp_path: Path) -> None:
    """One spike into each input, then one into both, and neurons that forget: what arrives are the weights that run."""
    matrices = [*SILENTLY_WRONG.values(), *RIGHT]
    paths = []
    for number, weights in enumerate(matrices):
        layer = Layer("a", (2,), CubaLif((1 << 17) - 1, 4096, 4096), (lossless_dense("input", weights),))
        paths.append(str(tmp_path / f"{number}.net"))
        save(Network((2,), (layer,)), paths[-1])
    lava = subprocess.Popen(
        [sys.executable, "-c", RUN_STOCK, *paths], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        answers, _ = lava.communicate(timeout=240)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(lava.pid, signal.SIGKILL)
    runs = json.loads(answers)
    predicted = [stock_weights(weights) for weights in matrices]
    assert runs == [arriving(weights) for weights in predicted if weights is not None]
    wrong = len(SILENTLY_WRONG)
    assert all(run != arriving(weights) for run, weights in zip(runs[:wrong], matrices[:wrong]))
    assert runs[wrong:] == [arriving(weights) for weights in matrices[wrong:]]


def arriving(weights: npt.ArrayLike) -> Any:
    return np.floor(np.asarray(weights) @ [[1, 0, 1], [0, 1, 1]]).tolist()


def conv(delays: list[int] | None = None) -> Layer:
    return Layer("a", (2, 3, 3), NEURON, (ConvSynapse("input", np.ones((2, 1, 1, 1)), delays=delays),))


def dense(name: str, source: str, n_in: int, neuron: CubaLif = NEURON, **options: Any) -> Layer:
    return Layer(name, (2,), neuron, (DenseSynapse(source, np.ones((2, n_in)) * 2, **options),))


def recurrent(neuron: CubaLif = NEURON, **options: Any) -> Layer:
    rows = np.ones((2, 2)) * 2
    return Layer("a", (2,), neuron, (DenseSynapse("input", np.ones((2, 9)) * 2, **options), DenseSynapse("a", rows)))


IMAGE = Layer("b", (2, 1, 1), NEURON, (ConvSynapse("a", np.ones((2, 2, 1, 1))),))
OBSTACLES: list[tuple[tuple[Layer, ...], str]] = [
    ((conv([1, 0]),), "has delays on a convolution, which lava-dl drops without a word"),
    ((recurrent(delays=[[1], [2]]),), "combines recurrence with delays, which lava-dl runs wrongly"),
    ((recurrent(CubaLif(64, 1, 1, 5)),), "combines recurrence with a bias"),
    ((dense("a", "input", 9, CubaLif(64, 1, 1, 5), delays=[[1], [2]]),), "combines delays with a bias"),
    ((dense("a", "input", 9, CubaLif(64, 1, 1, 5, 5)),), "has bias_exp 5 where NetX means 6"),
    ((dense("a", "input", 9, CubaLif([64, 65], 1, 1)),), "has more than one threshold"),
    ((dense("a", "input", 9, weight_exp=-1),), "has a weight exponent, -1, for which NetX has no place"),
    ((conv(), dense("b", "input", 9)), "reads 'input' where a chain reads 'a'"),
    ((dense("a", "input", 9), Layer("b", (2,), NEURON, (IdentitySynapse("a", 1),))), "identity synapse"),
    ((Layer("a", (1, 3, 3), CubaLif(64, 1, 1, 1), (DirectSynapse(),)),), "has a bias behind its input current"),
    ((Layer("a", (1, 3, 3), CubaLif(64, np.ones((1, 3, 3)), 1), (DirectSynapse(),)),), ""),
    (
        (Layer("a", (1, 3, 3), CubaLif(64, np.arange(9).reshape(1, 3, 3), 1), (DirectSynapse(),)),),
        "current_decay for each neuron",
    ),
    ((Layer("a", (2, 1, 1), NEURON, dense("a", "input", 9).synapses), IMAGE), "is a convolution behind a dense layer"),
    (
        (Layer("a", (2, 1, 2), NEURON, (DenseSynapse("input", np.ones((4, 9)) * 2),)),),
        "is dense with the shape (2, 1, 2)",
    ),
]


@pytest.mark.parametrize(("layers", "message"), [case for case in OBSTACLES if case[1]])
def test_what_has_no_plain_file(layers: tuple[Layer, ...], message: str) -> None:
    network = Network((1, 3, 3), layers, graded_input=True)
    assert not is_plain(network)
    assert any(message in problem for problem in stock_problems(network))


def test_what_has_one() -> None:
    assert is_plain(Network((1, 3, 3), (conv(), dense("b", "a", 18, delays=np.arange(18)[None]))))
    assert is_plain(Network((1, 3, 3), (dense("a", "input", 9, CubaLif(64, [1, 2], [3, 4], [5, 6])),)))
    assert is_plain(Network((1, 3, 3), (dense("a", "input", 9, CubaLif(64, 1, 1, 5), delays=np.arange(9)[None]),)))
    assert is_plain(Network((1, 3, 3), (dense("a", "input", 9, CubaLif(64, 1, 1, 0, bias_exp=3)),)))
