"""NIR graphs in real numbers for tests: chains of nodes, and the NIR paper's network for N-MNIST."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import numpy.typing as npt

from lapilli.simulators import Events

SHARED = Path(os.environ.get("LAPILLI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
STEPS = 300


def chain(input_shape: tuple[int, ...], *nodes: Any) -> Any:
    """A graph of nodes in a row, named "0", "1", … between "input" and "output"."""
    outputs = next((len(node.weight) for node in reversed(nodes) if hasattr(node, "weight")), 1)
    named = {str(number): node for number, node in enumerate(nodes)}
    ends = {"input": nir.Input(np.array(input_shape)), "output": nir.Output(np.array([outputs]))}
    ways = list(pairwise(["input", *named, "output"]))
    return nir.NIRGraph({**ends, **named}, ways, type_check=False)


def fire(shape: Any, threshold: float = 1.0) -> Any:
    """Integrate-and-fire neurons as Sinabs, snnTorch and Norse write them."""
    ones = np.ones(shape)
    return nir.IF(r=ones, v_threshold=ones * threshold, v_reset=ones * 0)


def leaky(n: int, share: float, threshold: float, dt: float = 1e-4, **others: Any) -> Any:
    """Neurons that lose a share in each step, and add their input undiminished, as snnTorch writes them."""
    ones = np.ones(n)
    names = {"v_leak": ones * 0, "v_reset": ones * 0} | others
    return nir.LIF(tau=ones * dt / share, r=ones / share, v_threshold=ones * threshold, **names)


def convolution(weights: npt.NDArray[Any], sides: tuple[int, int], **geometry: Any) -> Any:
    """Without bias; stride 1, no padding if not said."""
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(len(weights))}
    return nir.Conv2d(input_shape=sides, weight=weights, **{**usual, **geometry})


def pooled(side: int = 2) -> Any:
    """The sum over side x side positions."""
    return nir.SumPool2d(np.array([side, side]), np.array([side, side]), np.array([0, 0]))


def flat(*shape: int) -> Any:
    """(N,) in C order."""
    return nir.Flatten({"input": np.array(shape)}, 0, -1)


def nmnist_graph() -> Any:
    """`nir_nmnist_scnn.npz` as the graph of the NIR paper."""
    weights = np.load(SHARED / "nir_nmnist_scnn.npz")
    return chain(
        (2, 34, 34),
        convolution(weights["conv1_w"], (34, 34), stride=2, padding=1),
        fire((16, 16, 16)),
        convolution(weights["conv2_w"], (16, 16), padding=1),
        fire((16, 16, 16)),
        pooled(),
        convolution(weights["conv3_w"], (8, 8), padding=1),
        fire((8, 8, 8)),
        pooled(),
        flat(8, 4, 4),
        nir.Linear(weights["fc1_w"]),
        fire(256),
        nir.Linear(weights["fc2_w"]),
        fire(10),
    )


def nmnist_events(samples: range) -> Events:
    """Samples of `nmnist_small.npz` in 300 steps of 1 ms, at most one event for each pixel, polarity and step."""
    stored = np.load(SHARED / "nmnist_small.npz")
    offsets, polarity = stored["offsets"].astype(np.int64), np.unpackbits(stored["p"])
    elapsed = stored["dt_us_lo"] + stored["dt_us_hi"].astype(np.int64) * 256
    places = []
    for sample in samples:
        chosen = slice(offsets[sample], offsets[sample + 1])
        step = np.cumsum(elapsed[chosen]) // 1000
        neuron = (polarity[chosen].astype(np.int64) * 34 + stored["y"][chosen]) * 34 + stored["x"][chosen]
        places.append(np.unique((step * 2312 + neuron)[step < STEPS]))
    together = np.concatenate(places)
    ends = np.cumsum([0, *map(len, places)])
    labels = stored["label"][list(samples)].astype(np.int64)
    return Events(together // 2312, together % 2312, ends, STEPS, (2, 34, 34), None, labels)
