"""Time per step of 700 -> 256 dense without and with delays of each kind, interleaved, least of many repeats."""

import numpy as np

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import run

SHAPES = {"none": None, "target": (256, 1), "source": (1, 700), "connection": (256, 700)}


def main() -> None:
    """Print time and ratio of each kind."""
    rng = np.random.default_rng(0)
    weights = np.clip(2 * np.rint(rng.normal(0, 5, (256, 700))), -256, 254)
    networks = {}
    for name, shape in SHAPES.items():
        delays = None if shape is None else rng.integers(0, 63, shape)
        synapse = DenseSynapse("input", weights, delays=delays)
        networks[name] = Network((700,), (Layer("hidden", (256,), CubaLif(240, 1024, 256), (synapse,)),))
    events = random_events(networks["none"], 16, 1000, 0.02, 1)
    least = dict.fromkeys(networks, float("inf"))
    for _ in range(12):
        for name, network in networks.items():
            seconds = run(network, events, "fast", n_steps=1000, threads=1).seconds
            least[name] = min(least[name], 1e6 * seconds / (16 * 1000))
    for name, time in least.items():
        print(f"{name}: {time:.3f} us per step, {time / least['none']:.2f} times")


if __name__ == "__main__":
    main()
