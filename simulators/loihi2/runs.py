"""How samples become runs on the chip: resets that it can do, and room for spikes that arrive late."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.simulators.lava.job import LavaJob
from lapilli.simulators.lava.runs import Route, Stretch, streaming_gap
from lapilli.simulators.loihi2.latency import Latency
from lapilli.simulators.plan import RunPlan

_BYTES_AT_ONCE = 1 << 28


def is_reset_interval(steps: int) -> bool:
    """Whether the chip can reset neurons every so many steps: powers of 2.

    Source: NeuroBench's script for the chip ("Cannot use reset_interval because it must be power of two"), and scripts
    for Loihi 2 of mlGeNN's authors, which stretch samples to 1,024 steps for that reason.
    """
    return steps > 0 and steps & (steps - 1) == 0


def chip_stretches(network: Network, n_samples: int, plan: RunPlan, route: Route) -> Iterator[Stretch]:
    """The runs for `n_samples` samples: one for all that fit on disk where samples can stream, else one for each.

    Each run is compiled for the chip anew, which takes much longer there than running: so as few as possible.
    """
    if route.arrivals is None:
        yield from (Stretch(sample, sample + 1, plan.n_steps) for sample in range(n_samples))
        return
    period = 1 << (plan.n_steps + streaming_gap(network, route.arrivals) - 1).bit_length()
    bytes_of_sample = 4 * period * sum(layer.size for layer in network.layers)
    at_once = max(1, _BYTES_AT_ONCE // bytes_of_sample)
    for first in range(0, n_samples, at_once):
        yield Stretch(first, min(first + at_once, n_samples), period)


def with_latency(job: LavaJob, latency: Latency) -> LavaJob:
    """The same job on a board: it runs until the last spike is back, and neurons reset when the late input comes."""
    offsets = tuple((offset + latency.into) % job.interval for offset in job.offsets) if job.interval else ()
    return dataclasses.replace(job, n_steps=job.n_steps + latency.total, offsets=offsets)


def without_latency(folder: Path, n_layers: int, latency: Latency) -> None:
    """Put the rows of a job back into the steps in which Lava without adapters would have written them."""
    for path in (folder / f"{number}.spikes.npy" for number in range(n_layers)):
        rows = np.load(path)
        np.save(path, rows[latency.total :])
