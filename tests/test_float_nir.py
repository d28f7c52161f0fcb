"""The float stepper of NIR graphs beside loops written by hand, and pools that are folded into weights."""

from collections import deque
from itertools import product
from typing import Any

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")

from float_graphs import chain, convolution, fire, flat, leaky, pooled  # noqa: E402

from lapilli.netx_exports import FormatError, UnsupportedError  # noqa: E402
from lapilli.netx_exports.nir.floating.operations import Convolution, Linear, Pool  # noqa: E402
from lapilli.netx_exports.nir.floating.reader import from_float_nir  # noqa: E402
from lapilli.netx_exports.nir.quantising.folding import folded  # noqa: E402
from lapilli.simulators import Events  # noqa: E402
from lapilli.simulators.float_nir.operations import convolved, passed  # noqa: E402
from lapilli.simulators.float_nir.run import run_float  # noqa: E402
from lapilli.simulators.float_nir.stepper import FloatReset, FloatStepper  # noqa: E402

RNG = np.random.default_rng(0)


def spikes_in(n_samples: int, n: int, n_steps: int, rate: float = 0.3) -> Any:
    """(samples, neurons, steps)."""
    return (np.random.default_rng(1).random((n_samples, n, n_steps)) < rate).astype(int)


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("dt", [1e-4, 1e-3])
def test_a_layer_with_current_leak_and_bias_beside_a_loop(reset: FloatReset, dt: float) -> None:
    weight, bias = RNG.normal(size=(4, 5)), RNG.normal(size=4) / 10
    tau_syn, tau_mem = dt * np.array([2.0, 3, 4, 5]), dt * np.array([10.0, 8, 6, 4])
    r, w_in = np.array([9.0, 8, 7, 6]), np.array([1.0, 2, 1.5, 3])
    leak, threshold, after = np.array([0.1, 0.0, -0.2, 0.3]), np.array([1.0, 0.5, 0.7, 0.9]), np.full(4, -0.1)
    neurons = nir.CubaLIF(
        tau_syn=tau_syn, tau_mem=tau_mem, r=r, v_leak=leak, v_threshold=threshold, v_reset=after, w_in=w_in
    )
    graph = from_float_nir(chain((5,), nir.Affine(weight, bias), neurons), dt)
    dense = spikes_in(3, 5, 60)
    stepper, total = FloatStepper(graph, 3, reset), 0
    current, voltage = np.zeros((3, 4)), np.zeros((3, 4))
    for step in range(60):
        sent = stepper.step(dense[:, :, step].astype(float))["1"]
        for sample, n in product(range(3), range(4)):
            arriving = bias[n] + sum(weight[n, k] * dense[sample, k, step] for k in range(5))
            current[sample, n] += dt / tau_syn[n] * (w_in[n] * arriving - current[sample, n])
            voltage[sample, n] += dt / tau_mem[n] * (leak[n] - voltage[sample, n] + r[n] * current[sample, n])
            spiking = voltage[sample, n] > threshold[n]
            if spiking:
                voltage[sample, n] = after[n] if reset == "zero" else voltage[sample, n] - threshold[n]
            assert sent[sample, n] == spiking
            total += spiking
        assert np.allclose(stepper.voltages["1"], voltage, rtol=0, atol=1e-12)
    assert 20 < total < 600


def test_loops_delays_and_two_ways() -> None:
    """A loop takes a step, a delay its steps, and what arrives over several ways adds up."""
    weight, loop, late = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 3)) / 2, RNG.normal(size=(3, 2))
    nodes = {
        "in": nir.Input(np.array([2])),
        "w": nir.Linear(weight),
        "late": nir.Delay(np.array([3e-4, 1e-4])),
        "v": nir.Linear(late),
        "loop": nir.Linear(loop),
        "n": fire(3),
        "out": nir.Output(np.array([3])),
    }
    ways = ["in w", "w n", "in late", "late v", "v n", "n loop", "loop n", "n out"]
    graph = from_float_nir(nir.NIRGraph(nodes, [tuple(way.split()) for way in ways], type_check=False))
    assert graph.latest == 3
    dense = spikes_in(2, 2, 40)
    stepper = FloatStepper(graph, 2, "subtract")
    voltage, before, total = np.zeros((2, 3)), np.zeros((2, 3)), 0
    for step in range(40):
        delayed = np.stack([dense[:, k, step - d] if step >= d else np.zeros(2) for k, d in enumerate([3, 1])], 1)
        voltage = voltage + dense[:, :, step] @ weight.T + delayed @ late.T + before @ loop.T
        before = (voltage > 1).astype(float)
        voltage = voltage - before
        assert np.array_equal(stepper.step(dense[:, :, step].astype(float))["n"], before)
        total += before.sum()
    assert total > 10


def test_a_run_counts_spikes_and_adds_up_what_the_output_sends() -> None:
    weight = np.abs(RNG.normal(size=(3, 4)))
    graph = from_float_nir(chain((4,), nir.Linear(weight), fire(3), nir.Linear(np.eye(3)), leaky(3, 0.5, 9)))
    still = from_float_nir(
        chain((4,), nir.Linear(weight), nir.LI(tau=np.ones(3) * 4e-4, r=np.ones(3) * 4, v_leak=np.zeros(3)))
    )
    dense = spikes_in(20, 4, 30)
    done = run_float(graph, Events.from_dense(dense), "subtract")
    of_output = run_float(still, Events.from_dense(dense), "zero")
    voltage, hidden, level, totals = np.zeros((20, 3)), np.zeros(20), np.zeros((20, 3)), np.zeros((20, 3))
    for step in range(30):
        arriving = dense[:, :, step] @ weight.T
        voltage, level = voltage + arriving, 0.75 * level + arriving
        spiking = voltage > 1
        voltage, hidden, totals = voltage - spiking, hidden + spiking.sum(axis=1), totals + level
    assert hidden.sum() > 50
    assert np.array_equal(done.spikes["1"], hidden)
    assert np.allclose(of_output.totals, totals)
    assert not of_output.spikes["1"].any()


def test_convolution_by_hand() -> None:
    layer = Convolution(RNG.normal(size=(4, 2, 3, 2)), RNG.normal(size=4), (2, 1), (1, 2), (1, 2), 2)
    image = RNG.normal(size=(2, 4, 7, 6))
    result = convolved(layer, image)
    assert result.shape == (2, *layer.output_shape((4, 7, 6)))
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (2, 2)))
    for n, o, y, x in np.ndindex(*result.shape):
        total = layer.bias[o]
        for c, ky, kx in np.ndindex(2, 3, 2):
            total += layer.weight[o, c, ky, kx] * padded[n, c + 2 * (o // 2), y * 2 + ky, x + kx * 2]
        assert np.isclose(result[n, o, y, x], total)


def conv(*shape: int, **geometry: Any) -> Convolution:
    return Convolution(RNG.normal(size=shape), RNG.normal(size=shape[0]), **geometry)


FOLDED = [
    ((3, 8, 8), [Pool((2, 2), (2, 2), (0, 0), 1.0), conv(5, 3, 3, 3, padding=(1, 1))]),
    ((3, 9, 12), [Pool((2, 2), (2, 2), (0, 0), 0.25), conv(5, 3, 3, 3, stride=(2, 1), dilation=(1, 2))]),
    ((4, 8, 8), [Pool((3, 2), (1, 2), (1, 0), 1.0), conv(6, 2, 2, 2, groups=2)]),
    ((4, 8, 8), [Pool((2, 2), (2, 2), (0, 0), 1.0), conv(4, 1, 2, 2, groups=4)]),
    ((3, 8, 8), [conv(4, 3, 3, 3, padding=(1, 1)), Pool((2, 2), (2, 2), (0, 0), 0.25)]),
    ((4, 8, 8), [conv(4, 1, 3, 3, groups=4), Pool((2, 3), (2, 3), (0, 0), 1.0)]),
    ((3, 8, 8), [Pool((2, 2), (2, 2), (0, 0), 1.0), Pool((2, 2), (2, 2), (0, 0), 0.25)]),
    ((3, 8, 8), [Pool((2, 2), (2, 2), (0, 0), 1.0)]),
]


@pytest.mark.parametrize(("shape", "operations"), FOLDED)
def test_pools_folded_into_convolutions(shape: tuple[int, ...], operations: list[Any]) -> None:
    together = folded(operations, shape)
    assert isinstance(together, Convolution)
    values = RNG.normal(size=(2, *shape))
    expected = values
    for operation in operations:
        expected = passed(operation, expected, deque())
    assert np.allclose(convolved(together, values), expected)


@pytest.mark.parametrize("pool", [Pool((2, 2), (2, 2), (0, 0), 1.0), Pool((3, 3), (2, 1), (1, 0), 1 / 9)])
def test_a_pool_folded_into_a_dense_layer(pool: Pool) -> None:
    shape = pool.output_shape((2, 7, 6))
    dense = Linear(RNG.normal(size=(5, int(np.prod(shape)))), RNG.normal(size=5))
    together = folded([pool, dense], (2, 7, 6))
    assert isinstance(together, Linear)
    values = RNG.normal(size=(3, 2, 7, 6))
    before = passed(pool, values, deque()).reshape(3, -1)
    assert np.allclose(values.reshape(3, -1) @ together.weight.T + together.bias, before @ dense.weight.T + dense.bias)


@pytest.mark.parametrize(
    ("shape", "operations", "reason"),
    [
        ((3, 9, 8), [Pool((2, 2), (2, 2), (0, 0), 1.0), conv(5, 3, 3, 3, padding=(1, 1))], "has a padding where"),
        ((3, 8, 8), [Pool((3, 3), (2, 2), (1, 1), 1.0), conv(5, 3, 3, 3, padding=(1, 1))], "has a padding where"),
        ((3, 8, 8), [conv(4, 3, 1, 1), Pool((2, 2), (2, 2), (1, 1), 1.0)], "has a bias before a pool with padding"),
    ],
)
def test_what_is_no_convolution(shape: tuple[int, ...], operations: list[Any], reason: str) -> None:
    assert str(folded(operations, shape)).startswith(reason)


@pytest.mark.parametrize(
    ("nodes", "error", "message"),
    [
        ([nir.Conv1d(5, np.ones((1, 1, 2)), 1, 0, 1, 1, np.zeros(1)), fire(4)], UnsupportedError, "got 'Conv1d'"),
        ([nir.Linear(np.ones((2, 5))), nir.Threshold(np.ones(2)), fire(2)], UnsupportedError, "got 'Threshold'"),
        ([nir.Linear(np.ones((2, 4))), fire(2)], FormatError, "weight`: must have shape (2, 5), got (2, 4)"),
        ([nir.Linear(np.full((2, 5), np.nan)), fire(2)], UnsupportedError, "weight`: must be finite, got nan"),
        ([pooled(), fire(5)], UnsupportedError, "reads neurons of shape (5,), not (C, H, W)"),
        ([nir.Linear(np.ones((2, 5))), leaky(2, 1.5, 1)], UnsupportedError, "tau`: must be at least dt = 0.0001 s"),
    ],
)
def test_what_cannot_be_read(nodes: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as found:
        from_float_nir(chain((5,), *nodes))
    assert message in str(found.value)


def test_images_through_pools() -> None:
    """Convolution, pool, flatten and dense together give what numpy gives."""
    kernel, weight = RNG.normal(size=(3, 2, 3, 3)), RNG.normal(size=(4, 12))
    graph = from_float_nir(
        chain(
            (2, 4, 4),
            convolution(kernel, (4, 4), padding=1),
            fire((3, 4, 4)),
            pooled(),
            flat(3, 2, 2),
            nir.Linear(weight),
            fire(4),
        )
    )
    frame = (RNG.random((2, 2, 4, 4)) < 0.5).astype(float)
    sent = FloatStepper(graph, 2, "subtract").step(frame)
    hidden = convolved(Convolution(kernel, np.zeros(3), padding=(1, 1)), frame) > 1
    summed = hidden.reshape(2, 3, 2, 2, 2, 2).sum(axis=(3, 5)).reshape(2, -1)
    assert hidden.sum() > 5
    assert np.array_equal(sent["1"], hidden)
    assert np.array_equal(sent["5"], summed @ weight.T > 1)
