"""Spiking LSTM on the reference: against a loop over single units, on random networks."""

import numpy as np
import pytest
from plain_lstm import Copies
from random_lstm import random_lstm

from lapilli.simulators import run

SEEDS = 300


@pytest.mark.parametrize("block", range(10))
def test_reference_equals_a_loop_over_single_units(block: int) -> None:
    sent = firing = 0
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        case = random_lstm(seed, resets=False)
        network = case.network
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
        found = run(network, case.events, "reference", n_steps=case.n_steps, record=record)
        given = {"input": case.events.with_steps(case.n_steps)}
        given |= {name: recording.spikes for name, recording in found.recordings.items()}
        for sample in range(len(case.events)):
            plain = Copies(network, given, sample, case.n_steps)
            plain.run()
            for layer in plain.layers:
                recording = found.recordings[layer.name]
                h = np.array(plain.sent[layer.name]).T
                assert np.array_equal(recording.spikes.to_dense()[sample], h), (seed, layer.name)
                for state in layer.neuron.states:
                    values = np.array([[unit[state] for unit in units] for units in plain.states[layer.name]]).T
                    assert np.array_equal(getattr(recording, state)[sample], values), (seed, layer.name, state)
                sent += int(np.count_nonzero(h))
                firing += h.size
    assert 0.02 < sent / firing < 0.8
