"""A pipeline of spiking LSTM cells of the size that is trained on spoken commands, with random weights."""

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES, CubaLif, SpikingLstm
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.schedules import Front, LstmCell, LstmReadout, pipelined
from lapilli.netx_exports.synapses.kinds import INPUT, DenseSynapse
from lapilli.simulators.events import Events

CHANNELS, UNITS, CLASSES, ELEMENTS, COPIES = 40, 128, 11, 98, 2

_LARGEST = 20
"""Of the input's values, which are a spectrogram's."""


def spiking_lstm_network(seed: int) -> Network:
    """40 graded inputs, 128 units in two copies, 11 outputs; about a third of the units send in a step."""
    generator = np.random.default_rng(seed)
    biases = np.repeat([50, 220, 0, 270], UNITS) + generator.integers(-40, 41, 4 * UNITS)
    # Decays that torch's floats compute exactly.
    neuron = SpikingLstm([256, 256, 256, 256], 256, [0, 0, 0, 1024], [128, 128, 128], biases)
    feed = DenseSynapse(INPUT, generator.integers(-100, 101, (4 * UNITS, CHANNELS)), weight_exp=-5, weight_bits=9)
    recurrence = DenseSynapse(INPUT, generator.integers(-50, 51, (4 * UNITS, UNITS)), weight_bits=9)
    readout = LstmReadout(
        CubaLif(NEVER_SPIKES, 4096, 4096),
        DenseSynapse(INPUT, generator.integers(-100, 101, (CLASSES, UNITS)), weight_bits=9),
        Readout("voltage_sum"),
    )
    cell = LstmCell("lstm", neuron, feed, recurrence)
    return pipelined(Front((CHANNELS,), graded_input=True), [cell], readout, COPIES)


def spectrograms(n_samples: int, seed: int) -> Events:
    """Random values in all channels of all elements."""
    generator = np.random.default_rng(seed)
    return Events.from_dense(generator.integers(-_LARGEST, _LARGEST + 1, (n_samples, CHANNELS, ELEMENTS)))
