"""Microseconds of a step of `fast`, and what each further layer adds, of the bench's networks, on one core.

    python scripts/speed/layers.py

The least of several interleaved runs, without and with counting; layers that only later ones read cost nothing alone.
"""

import time
from dataclasses import replace

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.simulators.bench.spikescr import lags, spoken
from lapilli.simulators.bench.spikescr_network import STEPS, spikescr_network
from lapilli.simulators.bench.spiking_lstm import n_steps_of
from lapilli.simulators.bench.spiking_lstm_network import spectrograms, spiking_lstm_network
from lapilli.simulators.events import Events
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.fast.program import Lowered
from lapilli.simulators.fast.runner import run_chunk
from lapilli.simulators.plan import RunPlan

SAMPLES, REPEATS = 32, 8


def microseconds(lowered: Lowered, events: Events, counted: bool) -> float:
    """Of processor time for a step of a sample."""
    layers = lowered.program.layers
    keeps, recorded = np.zeros(len(layers), bool), np.full((len(layers), lowered.program.n_states), -1, np.int64)
    started = time.process_time()
    run_chunk(lowered, events, RunPlan(events.n_steps), keeps, recorded, counted)
    return 1e6 * (time.process_time() - started) / (len(events) * events.n_steps)


def print_layers(network: Network, events: Events) -> None:
    """A line for each layer: the network that ends with it."""
    parts = [
        lower(replace(network, layers=network.layers[: end + 1], readout=None)) for end in range(len(network.layers))
    ]
    least = np.full((len(parts), 2), np.inf)
    for _ in range(REPEATS):
        for place, lowered in enumerate(parts):
            times = [microseconds(lowered, events, counted) for counted in (False, True)]
            least[place] = np.minimum(least[place], times)
    for place, layer in enumerate(network.layers):
        added = least[place, 0] - (least[place - 1, 0] if place else 0)
        print(f"{layer.name:10} {added:+6.2f}, together {least[place, 0]:5.2f}, with counts {least[place, 1]:5.2f}")


def main() -> None:
    """Print both networks."""
    network = spikescr_network(0)
    print_layers(network, spoken(SAMPLES, 0).with_steps(STEPS + 1 + max(lags(network).values())))
    pipeline = spiking_lstm_network(0)
    print_layers(pipeline, spectrograms(SAMPLES, 0).with_steps(n_steps_of(pipeline)))


if __name__ == "__main__":
    main()
