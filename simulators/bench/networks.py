"""The networks that are measured: random weights, active at a few per cent under 2 % input."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.synapses.kinds import INPUT, MAX_DELAY, DenseSynapse

N_INPUTS, N_OUTPUTS = 700, 20
"""Those of the Spiking Heidelberg Digits."""

NEURON = CubaLif(vth_mant=240, current_decay=1024, voltage_decay=256)

DelayKind = Literal["none", "target", "source", "connection"]
DELAY_KINDS: tuple[DelayKind, ...] = ("none", "target", "source", "connection")


def recurrent_network(n_hidden: int, seed: int) -> Network:
    """700 → `n_hidden` recurrent → 20, layers "hidden" and "output", even weights."""
    generator = np.random.default_rng(seed)
    feed = DenseSynapse(INPUT, random_weights(generator, n_hidden, N_INPUTS, 5))
    recurrence = DenseSynapse("hidden", random_weights(generator, n_hidden, n_hidden, 40 / np.sqrt(n_hidden)))
    hidden = Layer("hidden", (n_hidden,), NEURON, (feed, recurrence))
    output = Layer(
        "output", (N_OUTPUTS,), NEURON, (DenseSynapse("hidden", random_weights(generator, N_OUTPUTS, n_hidden, 8)),)
    )
    return Network((N_INPUTS,), (hidden, output))


def dense_network(n_neurons: int, seed: int) -> Network:
    """Two dense layers, `n_neurons` → `n_neurons` → `n_neurons`."""
    generator = np.random.default_rng(seed)
    layers = tuple(
        Layer(name, (n_neurons,), NEURON, (DenseSynapse(source, random_weights(generator, n_neurons, n_neurons, 5)),))
        for name, source in (("first", INPUT), ("second", "first"))
    )
    return Network((n_neurons,), layers)


def delayed_network(n_neurons: int, kind: DelayKind, seed: int) -> Network:
    """700 → `n_neurons`, delays of 0…62 for each connection, source or target; the same weights for all kinds."""
    generator = np.random.default_rng(seed)
    weights = random_weights(generator, n_neurons, N_INPUTS, 5)
    shapes = {"none": None, "target": (n_neurons, 1), "source": (1, N_INPUTS), "connection": (n_neurons, N_INPUTS)}
    shape = shapes[kind]
    delays = None if shape is None else generator.integers(0, MAX_DELAY + 1, shape)
    return Network(
        (N_INPUTS,), (Layer("hidden", (n_neurons,), NEURON, (DenseSynapse(INPUT, weights, delays=delays),)),)
    )


def random_weights(generator: np.random.Generator, n_out: int, n_in: int, spread: float) -> npt.NDArray[Any]:
    """Even weights around 0, (n_out, n_in); their standard deviation is twice `spread`."""
    return np.clip(2 * np.rint(generator.normal(0, spread, (n_out, n_in))), -256, 254)
