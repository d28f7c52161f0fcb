"""Nanoseconds of the kernel that adds rows of int8 weights, checked against numpy, least of many repeats."""

import time

import numba
import numpy as np

from lapilli.simulators.fast.synapses.rows import add_rows

LISTS = 2000
SHAPES = (
    (700, 256, 14),
    (256, 256, 15),
    (256, 32, 15),
    (700, 512, 14),
    (512, 512, 30),
    (700, 1024, 14),
    (1024, 1024, 61),
)


@numba.njit(nogil=True, _nrt=False)  # type: ignore[call-overload]
def add_all(total, weights, row, lists):  # type: ignore[no-untyped-def]
    """Add the rows of every list."""
    for index in range(len(lists)):
        add_rows(total, weights, 0, row, lists[index], 255)


def main() -> None:
    """Print one line for each shape."""
    rng = np.random.default_rng(0)
    for n_sources, row, n_events in SHAPES:
        weights = rng.integers(-128, 128, n_sources * row).astype(np.int8)
        lists = np.stack([rng.choice(n_sources, n_events, replace=False) for _ in range(LISTS)]).astype(np.int32)
        expected = np.bincount(lists.reshape(-1), minlength=n_sources) @ weights.reshape(n_sources, row).astype(
            np.int64
        )
        seconds = float("inf")
        for _ in range(10):
            total = np.zeros(row, np.int32)
            started = time.perf_counter()
            add_all(total, weights, row, lists)
            seconds = min(seconds, (time.perf_counter() - started) / LISTS) if _ else seconds
            assert np.array_equal(total, expected)
        rate = n_events * row / seconds / 1e9
        print(f"{n_sources} x {row}, {n_events} events: {1e9 * seconds:.0f} ns, {rate:.0f} G additions/s")


if __name__ == "__main__":
    main()
