"""From a spiking LSTM module to the network of integers, a pipeline of the copies of its layers."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from lapilli.netx_exports import Clock, CubaLif, DenseSynapse, Network, Readout, SpikingLstm
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.schedules import Front, LstmCell, LstmReadout, pipelined
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.training.networks.lstm.integers import DECAY_UNITY, Weights, bias_integers, cell_integers

if TYPE_CHECKING:
    from lapilli.training.networks.lstm.network import SpikingLayer, SpikingLstmNetwork


def exported(module: "SpikingLstmNetwork") -> Network:
    """The network that a module computes: copy T of layer L is `lstm_L.T`, counted from 0."""
    config, sizes = module.config, module.sizes
    with torch.no_grad():
        units = (config.unit, *(1 for _ in module.layers))
        cells = [_cell(module, number, layer, unit) for number, (layer, unit) in enumerate(zip(module.layers, units))]
        weight, bias, _ = module.readout_integers()
    neuron = CubaLif(NEVER_SPIKES, DECAY_UNITY, DECAY_UNITY, bias_mant=_integers(bias))
    readout = LstmReadout(neuron, DenseSynapse(INPUT, _integers(weight)), Readout(config.readout))
    front = Front((sizes.n_inputs,), bool(sizes.graded_input))
    network = pipelined(front, cells, readout, config.copies)
    return at_the_end(network, sizes.n_steps) if config.read == "last" else network


def at_the_end(network: Network, n_elements: int) -> Network:
    """The same network, whose readout is at rest until the last element of a sample has come through.

    Arguments:
        network: a pipeline, or what `lapilli.netx_exports.schedules.sequential` makes of one.
        n_elements: of a sample.
    """
    *layers, output = network.layers
    period = output.clock.period
    clock = Clock(period, output.clock.phase + (n_elements - 1) * period)
    return replace(network, layers=(*layers, replace(output, clock=clock)), metadata=dict(network.metadata))


def cell_name(number: int) -> str:
    """Of a layer, counted from 0."""
    return f"lstm_{number}"


def _cell(module: "SpikingLstmNetwork", number: int, layer: "SpikingLayer", unit: int) -> LstmCell:
    found = layer.cell
    numbers = cell_integers(found)
    bias = bias_integers(found).numpy().astype(np.int64)
    neuron = SpikingLstm(
        thresholds=numbers.thresholds,
        clamp=numbers.clamp,
        decays=numbers.decays,
        starts=numbers.starts,
        gate_bias=bias,
    )
    feed, recurrence = module.weights_of(layer.weight, unit), module.weights_of(layer.recurrent, 1)
    return LstmCell(cell_name(number), neuron, _synapse(feed), _synapse(recurrence))


def _synapse(found: Weights) -> DenseSynapse:
    return DenseSynapse(INPUT, _integers(found.values), found.exponent)


def _integers(values: torch.Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    return values.detach().numpy().astype(np.int64)
