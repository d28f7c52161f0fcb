"""Attention as fast weights: Lava's own learning engine with `dw = x0 · y0` keeps the memory of a spike attention."""

import time

import numpy as np
import pytest
from fast_weights_worker import FastWeightsJob

from lapilli.netx_exports import CubaLif, DenseSynapse, IdentitySynapse, Layer, Network, SpikeAttention
from lapilli.simulators import Events, run
from lapilli.simulators.lava.client import LavaWorker

pytestmark = pytest.mark.lava

SIZE, STEPS = 6, 24
LIMIT_S = 120.0
PORTS = ("query", "key", "value")


def attention() -> Network:
    """One head that reads queries, keys and values from the input; its voltage, without leak, sums what is read."""
    repeat = CubaLif(0, 4096, 4096)
    layers = [
        Layer(name, (SIZE,), repeat, (DenseSynapse("input", 2 * np.eye(SIZE, 3 * SIZE, n * SIZE)),))
        for n, name in enumerate(PORTS)
    ]
    feeds = [IdentitySynapse(name, 2, port=name) for name in PORTS]
    # Who writes is who has a value: the port stands open.
    feeds.append(IdentitySynapse("value", 2, port="write"))
    never = SpikeAttention(SIZE, vth_mant=131_071, voltage_decay=4096)
    return Network((3 * SIZE,), (*layers, Layer("attention", (SIZE,), never, tuple(feeds))))


@pytest.mark.parametrize("seed", [0, 1])
def test_weights_of_lavas_learning_engine_are_the_memory(seed: int) -> None:
    generator = np.random.default_rng(seed)
    spikes = {name: generator.random((STEPS, SIZE)) < 0.4 for name in PORTS}
    worker = LavaWorker("fast_weights_worker")
    try:
        folder = worker.new_folder()
        job = FastWeightsJob(**{name: array.astype(np.int64) for name, array in spikes.items()})
        worker.run(job, folder, time.monotonic() + LIMIT_S, LIMIT_S)
        weights, read = (np.load(folder / f"{name}.npy") for name in ("weights", "read"))
    finally:
        worker.process.close()
    network = attention()
    dense = np.concatenate([spikes[name].T for name in PORTS])[None].astype(np.int64)
    states = ("voltage", *(f"memory_{key}" for key in range(SIZE)))
    found = run(network, Events.from_dense(dense), "reference", n_steps=STEPS + 2, record=states).recordings[
        "attention"
    ]
    memory = np.stack([found.states[f"memory_{key}"][0, :, -1] for key in range(SIZE)], axis=1) >> 6
    assert memory.any()
    assert np.array_equal(weights, memory)
    # All is forgotten from step to step, so that the voltage is what this step's queries read.
    assert np.array_equal(read, found.states["voltage"][0, :, 2:].T >> 6)
