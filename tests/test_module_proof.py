"""A SpikeSCR module against its exported network: equal in the steps of a sample, and what differs is found."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from spikescr_cases import random_module, random_samples

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, run
from lapilli.training.exported.backends import module_backend, prove_module
from lapilli.training.exported.spikescr_backend import sample_windows
from lapilli.training.networks.spikescr.config import SpikeScrConfig

CONFIG = SpikeScrConfig(heads=2, width=16, kernel=5, blocks=2)


def proof_of(changed=lambda module: None, n_samples=40):
    """Of a module that is changed behind its export."""
    module = random_module(CONFIG)
    network, samples = module.export(), random_samples(module, n_samples)
    with torch.no_grad():
        changed(module)
    return module, network, samples, prove_module(module, network, samples, module.n_steps + module.depth)


def test_a_module_is_its_network_and_all_that_was_compared_is_counted():
    module, network, samples, proof = proof_of()
    assert proof.equal
    assert proof.backends == ("spikescr", "fast")
    assert (proof.n_samples, proof.n_steps) == (40, module.n_steps + module.depth)
    assert proof.fingerprint == network.fingerprint
    assert proof.states_compared == 40 * module.n_classes * proof.n_steps
    # The module computes nothing outside of the windows.
    record = {layer.name: {"spikes"} for layer in network.layers}
    result = run(network, samples, module_backend(module), n_steps=proof.n_steps, record=record)
    expected = sum(np.count_nonzero(result.recordings[name].spikes.to_dense()) for name in sample_windows(module))
    assert proof.spikes_compared == expected > 0


def test_a_readout_that_differs_is_found_at_its_first_place():
    def changed(module):
        module.head[3] += 0.5

    module, network, samples, proof = proof_of(changed)
    assert not proof.equal
    first = proof.first["fast"]
    assert (first.layer, first.quantity, first.neuron) == (network.output.name, "voltage", 3)
    record = {network.output.name: {"voltage"}}
    here = [
        run(network, samples, backend, n_steps=proof.n_steps, record=record).recordings[network.output.name].voltage
        for backend in (module_backend(module), "fast")
    ]
    assert first.values == {
        "spikescr": here[0][first.sample, 3, first.step],
        "fast": here[1][first.sample, 3, first.step],
    }
    assert proof.n_differences == np.count_nonzero(here[0] != here[1])
    assert (first.sample, first.step) == tuple(np.argwhere((here[0] != here[1]).any(1))[0])


def test_a_layer_that_differs_is_found_beyond_the_first_samples():
    """Of 40 samples, of which 32 run at once, the last alone has input."""
    module = random_module(CONFIG)
    network, samples = module.export(), random_samples(module, 40)
    dense = samples.to_dense()
    dense[:39, : module.n_channels] = 0
    samples = Events.from_dense(dense, samples.labels)
    with torch.no_grad():
        # The largest weight stays, and so the threshold and the biases.
        module.layers["sem"].weight[:, :, 0] *= -1
    proof = prove_module(module, network, samples, module.n_steps + module.depth)
    first = proof.first["fast"]
    assert (first.layer, first.quantity, first.sample) == ("sem", "spikes", 39)
    assert sample_windows(module)["sem"].start <= first.step < sample_windows(module)["sem"].stop


def test_no_sample_and_no_readout_are_refused():
    module = random_module(CONFIG)
    network, samples = module.export(), random_samples(module)
    with pytest.raises(LapilliError, match="prove: needs at least one sample"):
        prove_module(module, network, samples.select(slice(0)), 40)
    with pytest.raises(LapilliError, match="does not say how it decides"):
        prove_module(module, replace(network, readout=None), samples, 40)
