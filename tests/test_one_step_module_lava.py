"""One time step: a module of every carry is its network in Lava."""

import numpy as np
from one_step_cases import random_images, random_module

from lapilli.simulators import run
from lapilli.training.exported.one_step_backend import layer_values
from lapilli.training.networks.one_step.config import OneStepConfig


def test_a_module_is_its_network_in_lava() -> None:
    module = random_module(OneStepConfig(widths=(3,), depths=(2,)), 1, side=16, channels=1)
    images, network = random_images(module, 1), module.export()
    n_steps = 1 + module.depth
    record = {layer.name: {"spikes"} for layer in network.layers[:-1]} | {network.output.name: {"spikes", "voltage"}}
    result = run(network, images, "lava", n_steps=n_steps, record=record, time_limit_s=200)
    for name, expected in layer_values(module, images, network, n_steps).items():
        window = slice(expected.first, expected.first + expected.values.shape[-1])
        recording = result.recordings[name]
        found = recording.voltage if name == network.output.name else recording.spikes.to_dense()
        found = found.reshape(1, -1, n_steps)[..., window]
        assert np.array_equal(found, expected.values[..., : found.shape[-1]]), name
        assert found.any(), name
