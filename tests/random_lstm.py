"""Random networks of spiking LSTM cells: several cells, fronts, delays, saturations and clocks."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from random_networks import Case
from random_neurons import pick, random_lstm_neuron
from random_synapses import random_exponent, random_weights

from lapilli.netx_exports import (
    INPUT,
    Clock,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    HandOverSynapse,
    IdentitySynapse,
    Layer,
    Network,
)
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.schedules import Front, LstmCell, LstmReadout, pipelined
from lapilli.netx_exports.synapses.kinds import Shape
from lapilli.simulators import Events, Reset


def random_dense(
    rng: np.random.Generator, source: str, sums: int, size: int, port: str | None = None, delays: Any = None
) -> DenseSynapse:
    """Weights of every character, exponent and number of bits."""
    return DenseSynapse(
        source,
        random_weights(rng, (sums, size), "mixed"),
        weight_exp=random_exponent(rng),
        weight_bits=int(pick(rng, 8, 9, 9, int(rng.integers(1, 10)))),
        delays=delays,
        port=port,
    )


def random_lstm(
    seed: int, *, most_units: int = 7, most_copies: int = 5, most_cells: int = 2, resets: bool = True
) -> Case:
    """A pipeline of one or two cells behind whatever front, sometimes with synapses that no pipeline has."""
    rng = np.random.default_rng(seed)
    n_copies = int(rng.integers(1, most_copies + 1))
    front = _front(rng)
    cells = _cells(rng, front, min(most_cells, int(pick(rng, 1, 1, 2))), most_units)
    network = pipelined(front, cells, _readout(rng, cells[-1].units), n_copies)
    if rng.random() < 0.4:
        network = replace(network, layers=_varied(rng, network.layers))
    n_steps = int(rng.integers(1, 7)) + network.depth
    events = _events(rng, network, int(pick(rng, 1, 1, 2, 3)), n_steps)
    interval = int(rng.integers(2, n_steps + 3))
    reset = Reset(interval, int(rng.integers(0, interval))) if resets and rng.random() < 0.2 else None
    return Case(network, events, n_steps, reset)


def _front(rng: np.random.Generator) -> Front:
    graded = bool(rng.random() < 0.5)
    character = int(rng.integers(4))
    shape: Shape
    if character == 0:
        shape = (int(rng.integers(1, 3)), int(rng.integers(2, 5)), int(rng.integers(2, 5)))
        conv = ConvSynapse(INPUT, random_weights(rng, (2, shape[0], 2, 2), "mixed"))
        return Front(shape, graded, (Layer("seen", conv.output_shape(shape), CubaLif(40, 4096, 1000), (conv,)),))
    shape = (int(rng.integers(1, 12)),)
    if character == 1:
        size = int(rng.integers(1, 9))
        layer = Layer("coded", (size,), CubaLif(30, 4096, 500, 10), (random_dense(rng, INPUT, size, shape[0]),))
        return Front(shape, graded, (layer,))
    return Front(shape, graded)


def _cells(rng: np.random.Generator, front: Front, n_cells: int, most_units: int) -> list[LstmCell]:
    size = prod(front.layers[-1].shape if front.layers else front.input_shape)
    cells = []
    for number in range(n_cells):
        units = int(pick(rng, int(rng.integers(1, most_units + 1)), int(rng.integers(1, 6))))
        feed = random_dense(rng, INPUT, 4 * units, size)
        recurrence = random_dense(rng, INPUT, 4 * units, units)
        cells.append(LstmCell(f"lstm{number}", random_lstm_neuron(rng, units), feed, recurrence))
        size = units
    return cells


def _readout(rng: np.random.Generator, units: int) -> LstmReadout:
    outputs = int(rng.integers(1, 6))
    neuron = CubaLif(int(pick(rng, 50, NEVER_SPIKES)), 4096, 4096, rng.integers(-50, 51, outputs))
    return LstmReadout(neuron, random_dense(rng, INPUT, outputs, units))


def _varied(rng: np.random.Generator, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Recurrent delays, more sources at both ports, other phases, and copies that hand over to themselves."""
    found: list[Layer] = []
    for layer in layers:
        synapses, clock = list(layer.synapses), layer.clock
        if layer.neuron.handed:
            if rng.random() < 0.4:
                delays = rng.integers(
                    0, 4, pick(rng, (4 * layer.size, layer.size), (4 * layer.size, 1), (1, layer.size))
                )
                synapses.append(random_dense(rng, layer.name, 4 * layer.size, layer.size, "recurrent", delays))
            four = [other.name for other in found if other.size == 4 * layer.size]
            if four:
                synapses.append(IdentitySynapse(four[-1], 200, delay=1, port="input"))
            if rng.random() < 0.3 and "membranes" not in {layer.port_of(synapse) for synapse in synapses}:
                synapses.append(HandOverSynapse(layer.name, "membranes", "membranes"))
            if rng.random() < 0.3:
                synapses.append(HandOverSynapse(layer.name, "currents", "recurrent"))
            if rng.random() < 0.3:
                clock = Clock(int(rng.integers(1, 3)), int(rng.integers(0, 4)))
        found.append(replace(layer, synapses=tuple(synapses), clock=clock))
    return tuple(found)


def _events(rng: np.random.Generator, network: Network, n_samples: int, n_steps: int) -> Events:
    shape = (n_samples, *network.input_shape, n_steps)
    dense = (rng.random(shape) < pick(rng, 0.1, 0.4, 0.9)).astype(np.int64)
    if network.graded_input:
        largest = int(pick(rng, 1, 3, 20, 255, 1 << 12))
        dense *= rng.integers(-largest, largest + 1, shape)
    return Events.from_dense(dense)
