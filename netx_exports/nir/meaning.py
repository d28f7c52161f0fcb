"""What NIR's real numbers mean in lapilli's integers, for the writer and the reader; docs/how-to/nir.md explains it.

NIR describes neurons by differential equations and connections that take no time. One explicit Euler step of `dt`
seconds, first of the current, then of the voltage with the new current, gives lapilli's neurons when

* a decay of n/4096 per step is the time constant dt * 4096 / n, and the gain r (or w_in) is 4096 / n, so that an
  input is added undiminished; a decay of 0 is the integrator, whose gain is 1 / dt;
* weights and thresholds are in units of 64, as SLAYER's are, and voltages in units of 4096;
* a bias of b per step, which NIR does not know, is the leak voltage b / n that gives the same pull.

Source: the equations in the docstrings of `nir` 1.0.8; `lapilli.simulators.reference.backend` for lapilli's side.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.netx_exports.synapses.synapse import INPUT, Shape

DT = 1e-4
"""Seconds in a step where nobody says otherwise: snnTorch's fixed choice."""

WEIGHT_UNIT = 64
"""A weight or threshold of 1.0 in NIR is 64 here."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def check_dt(dt: float) -> float:
    """`dt` as it came.

    Raises:
        LapilliError: when it is not a positive, finite time.
    """
    if not (math.isfinite(dt) and dt > 0):
        raise LapilliError(f"dt: must be a positive number of seconds, got {dt}")
    return dt


def time_constant(decay: IntArray, dt: float) -> Floats:
    """Seconds for decays of 1…4096."""
    return dt * DECAY_UNITY / decay.astype(np.float64)


def gain(decay: IntArray) -> Floats:
    """The r or w_in with which a node of this decay adds its input undiminished in one step: time constant / dt."""
    return DECAY_UNITY / decay.astype(np.float64)


def lags(network: Network) -> Mapping[str, int]:
    """Steps by which each layer runs later here than in the NIR graph; 0 for all where a neuron has a bias.

    In NIR a connection takes no time, here it takes a step. A layer that is reached over k connections (on the way
    with the fewest) therefore does everything k steps later, and nothing else is different; on longer ways the graph
    has delays of what they take more. The graph's output is the network's output `lags(network)[output]` steps early.
    """
    # A bias acts from the first step on, so that being ahead would make a difference.
    biased = any(layer.neuron.has_bias for layer in network.layers)
    lag = {INPUT: 0}
    for layer in network.layers:
        before = [lag[synapse.source] for synapse in layer.synapses if synapse.source != layer.name]
        lag[layer.name] = 0 if biased or not before else 1 + min(before)
    return lag


def implied_steps(lag: Mapping[str, int], source: str, layer: str) -> int:
    """Steps that a connection of delay 0 takes in the NIR graph; a loop is a step in every framework, not a delay."""
    return 0 if source == layer else 1 + lag[source] - lag[layer]


def nir_shapes(network: Network) -> Mapping[str, Shape]:
    """Shape of the input and of each layer in the graph, where nothing folds what is flat.

    A layer is (C, H, W) there as well if all that reaches it is; else (N,), and its own shape is in its metadata.
    """
    shapes = {INPUT: network.input_shape}
    for layer in network.layers:
        folded = all(
            synapse.spatial or (synapse.delay_axes == 0 and shapes.get(synapse.source) == layer.shape)
            for synapse in layer.synapses
        )
        shapes[layer.name] = layer.shape if folded else (layer.size,)
    return shapes
