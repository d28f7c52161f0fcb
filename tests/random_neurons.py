"""Random neurons of every model, corners of their integer ranges included."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports.neurons.attention import LARGEST_HEAD
from lapilli.netx_exports.neurons.kinds import (
    LARGEST_THRESHOLD,
    NEVER_SPIKES,
    AdaptiveLif,
    CubaLif,
    Delta,
    GatedLif,
    IzhikevichResonateAndFire,
    Neuron,
    Requantiser,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
    SpikeAttention,
    SpikingLstm,
    Sum,
    WindowLif,
)
from lapilli.netx_exports.neurons.window_lif import CARRIES, omega_table
from lapilli.netx_exports.synapses.kinds import Shape

THRESHOLDS = (0, 1, 20, 50, 200, 500, 5000, 60000, (1 << 18) - 1)
DECAYS = (0, 1, 2048, 4095, 4096)
LARGEST_CURRENT = (1 << 17) - 1


def pick(rng: np.random.Generator, *choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def random_neuron(rng: np.random.Generator, shape: Shape, model: str) -> Neuron:
    return _MAKERS[model](rng, shape)


def _spread(rng: np.random.Generator, shape: Shape, low: int, high: int, *corners: int) -> Any:
    """One number, or one for each channel or neuron."""
    size = pick(rng, (), (), shape[:1], shape)
    values = rng.integers(low, high + 1, size)
    return np.where(rng.random(size) < 0.5, values, rng.choice(corners, size)) if corners else values


def _bias(rng: np.random.Generator, shape: Shape) -> Any:
    biased = rng.random() < 0.35
    loud = rng.random() < 0.3
    return (_spread(rng, shape, -32768, 32767) if loud else _spread(rng, shape, -50, 200)) if biased else 0


def _bias_exp(rng: np.random.Generator) -> int:
    return int(pick(rng, 6, int(rng.integers(0, 8))))


def _cuba(rng: np.random.Generator, shape: Shape) -> CubaLif:
    threshold = int(pick(rng, *THRESHOLDS, (1 << 24) - 1))
    return CubaLif(
        vth_mant=_spread(rng, shape, threshold // 2, threshold),
        current_decay=_spread(rng, shape, 0, 4096, 0, 1, 4095, 4096),
        voltage_decay=_spread(rng, shape, 0, 4096, 0, 1, 4095, 4096),
        bias_mant=_bias(rng, shape),
        bias_exp=_bias_exp(rng),
    )


def _adaptive(rng: np.random.Generator, shape: Shape) -> AdaptiveLif:
    decays = [int(pick(rng, 0, 1, 4095, 4096, *rng.integers(0, 4097, 4))) for _ in range(4)]
    return AdaptiveLif(
        int(pick(rng, *THRESHOLDS)),
        int(pick(rng, *THRESHOLDS)),
        *(decays[0], decays[1], decays[2], decays[3]),
        bias_mant=_bias(rng, shape),
        bias_exp=_bias_exp(rng),
    )


def _resonators(kind: Callable[[int, int, int], Neuron]) -> Callable[[np.random.Generator, Shape], Neuron]:
    def make(rng: np.random.Generator, shape: Shape) -> Neuron:
        angle, keep = rng.uniform(-np.pi, np.pi), pick(rng, 1.0, 0.0, rng.random(), rng.random() ** 0.1)
        turn = 4096 * keep * np.exp(1j * angle)
        return kind(int(pick(rng, *THRESHOLDS)), int(turn.imag), int(turn.real))

    return make


def _delta(rng: np.random.Generator, shape: Shape) -> Delta:
    return Delta(int(pick(rng, *THRESHOLDS)), int(pick(rng, 6, 6, int(rng.integers(0, 7)))))


def _sigma_delta(rng: np.random.Generator, shape: Shape) -> SigmaDelta:
    return SigmaDelta(
        int(pick(rng, *THRESHOLDS)),
        _spread(rng, shape, -(1 << 18), (1 << 18) - 1) if rng.random() < 0.2 else _bias(rng, shape),
        pick(rng, "relu", "unit"),
        int(pick(rng, 6, 6, int(rng.integers(0, 7)))),
    )


def _gated(rng: np.random.Generator, shape: Shape) -> GatedLif:
    threshold = int(pick(rng, *THRESHOLDS, NEVER_SPIKES))
    return GatedLif(
        vth_mant=_spread(rng, shape, threshold // 2, threshold),
        current_decay=_spread(rng, shape, 0, 4096, *DECAYS),
        voltage_decay=_spread(rng, shape, 0, 4096, *DECAYS),
    )


def random_attention(rng: np.random.Generator, shape: Shape, head: int | None = None) -> SpikeAttention:
    """Thresholds that a few coincidences reach, and the largest; heads of any size that fits where none is given."""
    size = prod(shape)
    threshold = int(pick(rng, 1, 1, 1, 2, 4, 8, 30, LARGEST_THRESHOLD))
    heads = [n for n in range(1, min(size, LARGEST_HEAD) + 1) if size % n == 0]
    return SpikeAttention(
        head or int(pick(rng, *heads)),
        vth_mant=_spread(rng, shape, max(1, threshold // 2), threshold),
        voltage_decay=_spread(rng, shape, 0, 4096, *DECAYS),
        memory_decay=int(pick(rng, 0, 0, 0, *DECAYS, int(rng.integers(0, 4097)))),
    )


def random_lstm_neuron(rng: np.random.Generator, units: int) -> SpikingLstm:
    """Thresholds around 1.0 and at both ends; with and without leaks, start values and biases."""
    top = int(pick(rng, 2, 300, 300, 300, 5000, LARGEST_CURRENT))
    leaks = pick(rng, [0] * 4, rng.integers(0, 4097, 4), rng.choice([0, 1, 4095, 4096], 4))
    starts = pick(
        rng,
        [0] * 3,
        rng.integers(-300, 301, 3),
        rng.integers(-300, 301, 3),
        rng.choice([-LARGEST_CURRENT, LARGEST_CURRENT], 3),
    )
    quiet, loud = rng.integers(-300, 301, 4 * units), rng.integers(-LARGEST_CURRENT, LARGEST_CURRENT + 1, 4 * units)
    return SpikingLstm(
        thresholds=rng.integers(max(1, top // 2), top + 1, 4),
        clamp=int(pick(rng, 1, 256, 256, 256, LARGEST_CURRENT)),
        decays=leaks,
        starts=starts,
        gate_bias=pick(rng, 0, int(rng.integers(-200, 200)), quiet, quiet, loud),
    )


def random_window_lif(
    rng: np.random.Generator, shape: Shape, windows: int | None = None, carry: str | None = None
) -> WindowLif:
    """Every carry and unit; thresholds around 0.5 and at both ends; tables as trained ones are, and any."""
    unit = int(rng.integers(12, 18))
    carry = str(rng.choice(CARRIES)) if carry is None else carry
    half = 1 << (unit - 7)
    top = int(pick(rng, half, half, half, half, half, half, 0, 4 * half, LARGEST_THRESHOLD))
    return WindowLif(
        vth_mant=pick(rng, top, _spread(rng, shape, top // 2, top)),
        unit=unit,
        carry=carry,
        windows=int(pick(rng, 1, 2, 4, 4, int(rng.integers(1, 65)))) if windows is None else windows,
        keep=int(pick(rng, 1638, 1638, 0, 4096, int(rng.integers(0, 4097)))),
        bias_mant=_bias(rng, shape),
        sine=pick(rng, None, None, omega_table(0.2), rng.integers(-128, 128, 256), rng.choice([-128, 127], 256)),
        table=_table(rng, -128, 127) if carry == "table" else None,
        index_shift=int(pick(rng, unit - 5, unit - 5, unit - 6, unit - 4, int(rng.integers(0, 23)))),
        table_shift=int(pick(rng, unit - 6, unit - 6, int(rng.integers(0, 16)))),
    )


def random_requantiser(rng: np.random.Generator, shape: Shape) -> Requantiser:
    """Multipliers and shifts that leave a few bits, and any; limits of 8 bits, of unsigned ones, and any."""
    shift = int(pick(rng, 0, 4, 10, 31, int(rng.integers(0, 32))))
    top = int(min(1 << 15, pick(rng, 1 << shift, 1 << max(0, shift - 4), 1 << 15)))
    low, high = pick(rng, (-128, 127), (-128, 127), (0, 127), (-8, 7), (-(1 << 15), (1 << 15) - 1), (5, 90))
    table = pick(rng, _table(rng, -128, 127), _table(rng, -(1 << 15), (1 << 15) - 1))
    return Requantiser(
        mult=_spread(rng, shape, max(1, top // 2), top),
        shift=shift,
        bias_mant=pick(rng, 0, _spread(rng, shape, -200, 200), _spread(rng, shape, -(1 << 23) + 1, (1 << 23) - 1)),
        low=low,
        high=high,
        table=table if low >= -128 and high <= 127 and rng.random() < 0.5 else None,
    )


def _table(rng: np.random.Generator, low: int, high: int) -> Any:
    """ReLU, half of it, or anything."""
    index = np.arange(-128, 128)
    return pick(rng, np.maximum(index, 0), np.maximum(index, 0) // 2, rng.integers(low, high + 1, 256))


_MAKERS: dict[str, Callable[[np.random.Generator, Shape], Neuron]] = {
    CubaLif.model: _cuba,
    AdaptiveLif.model: _adaptive,
    ResonateAndFire.model: _resonators(ResonateAndFire),
    IzhikevichResonateAndFire.model: _resonators(IzhikevichResonateAndFire),
    Delta.model: _delta,
    SigmaDelta.model: _sigma_delta,
    Sigma.model: lambda rng, shape: Sigma(),
    GatedLif.model: _gated,
    SpikeAttention.model: random_attention,
    Sum.model: lambda rng, shape: Sum(),
    SpikingLstm.model: lambda rng, shape: random_lstm_neuron(rng, prod(shape)),
    WindowLif.model: random_window_lif,
    Requantiser.model: random_requantiser,
}
