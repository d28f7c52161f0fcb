"""What this machine can do at best: bare loops over weights that lie in the second-level cache, on one core.

A synaptic operation is one int8 weight read, widened and added. The add limit is the fastest of several ways to add
whole rows of weights to a row of sums, the shipped kernel's own (int16, in registers) among them, in which nothing else
happens: no events, no neurons, no steps. The read limit is how fast the same weights can be read at all, 8 bytes at a
time.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from lapilli.simulators.fast.synapses.rows import add_rows

_SECONDS = 0.2
_ROUNDS = 5


@numba.njit(nogil=True)
def _add_one_by_one(total, weights, order):  # type: ignore[no-untyped-def]
    for row in order:
        of_row = weights[row]
        for i in range(len(total)):
            total[i] += of_row[i]


@numba.njit(nogil=True)
def _add_four(total, weights, order):  # type: ignore[no-untyped-def]
    for at in range(0, len(order), 4):
        a, b = weights[order[at]], weights[order[at + 1]]
        c, d = weights[order[at + 2]], weights[order[at + 3]]
        for i in range(len(total)):
            total[i] += np.int32(a[i]) + np.int32(b[i]) + np.int32(c[i]) + np.int32(d[i])


@numba.njit(nogil=True)
def _add_eight(total, weights, order):  # type: ignore[no-untyped-def]
    for at in range(0, len(order), 8):
        a, b = weights[order[at]], weights[order[at + 1]]
        c, d = weights[order[at + 2]], weights[order[at + 3]]
        e, f = weights[order[at + 4]], weights[order[at + 5]]
        g, h = weights[order[at + 6]], weights[order[at + 7]]
        for i in range(len(total)):
            first = np.int32(a[i]) + np.int32(b[i]) + np.int32(c[i]) + np.int32(d[i])
            total[i] += first + np.int32(e[i]) + np.int32(f[i]) + np.int32(g[i]) + np.int32(h[i])


@numba.njit(nogil=True)
def _add_in_registers(total, weights, order):  # type: ignore[no-untyped-def]
    add_rows(total, weights.reshape(-1), 0, len(total), order, 255)


@numba.njit(nogil=True)
def _read(words):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for i in range(len(words)):
        total ^= words[i]
    return total


def add_limit(n_neurons: int) -> float:
    """Additions of a weight a second, at best, for rows of `n_neurons`, a multiple of 8, in a square of weights."""
    weights = _weights(n_neurons)
    order = np.random.default_rng(0).permutation(n_neurons).astype(np.int32)
    total = np.zeros(n_neurons, np.int32)
    ways: tuple[Any, ...] = (_add_one_by_one, _add_four, _add_eight, _add_in_registers)
    for way in ways:
        total[:] = 0
        way(total, weights, order)
        assert np.array_equal(total, weights.sum(axis=0, dtype=np.int32))
    return max(_rate(partial(way, total, weights, order), weights.size) for way in ways)


def read_limit(n_neurons: int) -> float:
    """Bytes of weights read a second, at best, from a square of `n_neurons` weights."""
    weights = _weights(n_neurons)
    words = weights.reshape(-1).view(np.uint64)
    assert _read(words) == np.bitwise_xor.reduce(words)
    return _rate(lambda: _read(words), weights.nbytes)


def _weights(n_neurons: int) -> npt.NDArray[np.int8]:
    return np.random.default_rng(1).integers(-128, 128, (n_neurons, n_neurons), np.int8)


def _rate(work: Callable[[], object], amount: int) -> float:
    """The best of several rounds: what disturbs can only make a limit look lower."""
    best = 0.0
    for _ in range(_ROUNDS):
        n, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < _SECONDS:
            work()
            n += 1
        best = max(best, n * amount / spent)
    return best
