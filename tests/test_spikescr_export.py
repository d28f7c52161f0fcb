"""SpikeSCR: the module in evaluation mode is the exported network, spike for spike; and its published sizes."""

from typing import Any

import numpy as np
import pytest
import torch
from spikescr_cases import random_module, random_samples

from lapilli.simulators import run
from lapilli.training.exported.backends import module_backend
from lapilli.training.exported.spikescr_backend import layer_values
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.time import slayer_input

SMALL: dict[str, Any] = {"heads": 2, "width": 16, "kernel": 5}
MODES: dict[str, dict[str, Any]] = {
    "causal": {},
    "look-ahead": {"look_ahead": 3},
    "full": {"look_ahead": "full"},
    "centred": {"convolutions": "centred"},
    "full centred": {"look_ahead": "full", "convolutions": "centred"},
    "no rotary": {"rotary": False},
    "no local part": {"gated_convolution": False, "gate": False},
    "no gate": {"gate": False},
    "two blocks": {"blocks": 2},
    "two blocks, full, centred": {"blocks": 2, "look_ahead": "full", "convolutions": "centred"},
    "masked keys": {"key_mask": True},
    "masked keys, full, centred": {"key_mask": True, "look_ahead": "full", "convolutions": "centred"},
    "a memory that decays": {"memory_decay": 300},
    "a memory that decays, full": {"memory_decay": 300, "look_ahead": "full"},
    "wide": {"ffn_ratio": 3, "heads": 1, "kernel": 31},
    "token sums": {"attention": "v1"},
    "token sums, full": {"attention": "v1", "look_ahead": "full"},
    "token sums that are masked and decay": {"attention": "v1", "key_mask": True, "memory_decay": 300},
    "small thresholds": {"largest_threshold": 64},
}


def assert_same(module, samples):
    """Every layer's spikes at t + lag, and the readout's voltages in all steps; returns what each layer sends."""
    network = module.export()
    n_steps = module.n_steps + module.depth
    kinds = {layer.name: {"spikes"} for layer in network.layers} | {network.output.name: {"spikes", "voltage"}}
    result = run(network, samples, "reference", n_steps=n_steps, record=kinds)
    expected = layer_values(module, samples, network, n_steps)
    lags = module.lags
    for node in module.nodes[:-1]:
        within = slice(lags[node.name], lags[node.name] + module.n_steps)
        sent = result.recordings[node.name].spikes.to_dense()[..., within]
        assert np.array_equal(sent, expected[node.name][..., within]), node.name
    assert np.array_equal(result.recordings[network.output.name].voltage, expected[network.output.name])
    return network, expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [0, 1])
def test_module_and_reference_are_equal(mode, seed):
    module = random_module(SpikeScrConfig(**{**SMALL, **MODES[mode]}), seed)
    _, sent = assert_same(module, random_samples(module, seed=seed))
    for node in module.nodes[:-1]:
        assert sent[node.name].any() or node.remembers, node.name


@pytest.mark.parametrize("convolutions", ["causal", "centred"])
def test_delays_beyond_62_go_through_relays(convolutions):
    config = SpikeScrConfig(**SMALL, look_ahead="full", convolutions=convolutions, blocks=2)
    module = random_module(config, n_steps=70)
    network, _ = assert_same(module, random_samples(module, 2))
    relays = [layer.name for layer in network.layers if "_later_" in layer.name]
    assert "sem_later_1" in relays
    assert "qr_later_1" in relays
    assert "valid_later_1" in relays
    assert any(name.startswith("sum_2_later") for name in relays)


def test_the_module_decides_as_the_network():
    module = random_module(SpikeScrConfig(**SMALL))
    samples, network = random_samples(module, 6), module.export()
    record = {network.output.name: {"voltage"}}
    results = [
        run(network, samples, backend, n_steps=module.n_steps + module.depth, record=record)
        for backend in ("reference", module_backend(module))
    ]
    voltages = [result.recordings[network.output.name].voltage for result in results]
    assert np.array_equal(voltages[0], voltages[1])
    assert voltages[0].any()


@pytest.mark.parametrize(
    ("given", "lag"),
    [
        ({}, 15),
        ({"convolutions": "centred"}, 31),
        ({"look_ahead": "full"}, 115),
        ({"look_ahead": "full", "convolutions": "centred"}, 131),
    ],
)
def test_lags_are_those_that_were_worked_out(given, lag):
    assert SpikeScrNetwork(SpikeScrConfig(**given), 141, 20, 100).depth == lag


@pytest.mark.parametrize(
    ("given", "n_classes", "number"),
    [
        ({}, 20, 261_632),
        ({"heads": 16, "width": 256, "ffn_ratio": 4}, 35, 1_709_824),
        ({"heads": 16, "width": 256, "ffn_ratio": 4, "blocks": 2}, 35, 3_302_400),
    ],
)
def test_networks_have_the_published_numbers_of_parameters(given, n_classes, number):
    module = SpikeScrNetwork(SpikeScrConfig(**given), 141, n_classes, 100)
    assert sum(parameter.numel() for parameter in module.parameters()) == number


def test_weights_of_every_layer_fit_into_eight_bits_and_their_thresholds_are_powers_of_two():
    module = random_module(SpikeScrConfig(**SMALL))
    for layer in module.layers.values():
        folded = layer.folded(1024)
        assert folded.weight.abs().max() <= 256
        assert torch.equal(folded.weight % 2, torch.zeros_like(folded.weight))
        assert torch.equal(folded.bias % (1 << folded.exponent), torch.zeros_like(folded.bias))
        assert len(set(folded.threshold.tolist())) == 1
        assert float(folded.threshold[0]).hex().startswith("0x1.0000000000000p")


@pytest.mark.parametrize("mode", ["causal", "two blocks"])
def test_costs_are_the_operations_of_the_exported_weights(mode):
    module = random_module(SpikeScrConfig(**{**SMALL, **MODES[mode]}))
    samples, network = random_samples(module), module.export()
    values = slayer_input(samples, module.n_steps + 1)
    with torch.no_grad():
        found = module.costs(values, module.answers(values))
    channels = samples.to_dense()
    channels[:, module.n_channels :] = 0
    sent = {"input": channels, **layer_values(module, samples, network, module.n_steps + module.depth)}
    events = {name: (values != 0).sum((0, 2)) for name, values in sent.items()}
    operations = sum(
        int((events[synapse.source] * synapse.fan_out(network.shapes[synapse.source], layer.shape)).sum())
        for layer in network.layers
        for synapse in layer.synapses
        if layer.name != "valid" and synapse.source != "valid"
    )
    assert found.operations.item() == pytest.approx(operations / len(samples))
    spikes = sum(int(events[node.name].sum()) for node in module.nodes[:-1])
    assert found.spikes.item() == pytest.approx(spikes / len(samples))
