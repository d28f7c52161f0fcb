"""The SLAYER networks: what the options mean in numbers, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from netx_exports import LapilliError
from training.networks import NetworkConfig, SlayerNetwork, depth

SMALL = NetworkConfig(hidden=(6, 5))


def build(config: NetworkConfig) -> SlayerNetwork:
    torch.manual_seed(0)
    return SlayerNetwork(config, 7, 3)


def spikes(n_samples: int = 4, n_steps: int = 12) -> torch.Tensor:
    return (torch.rand(n_samples, 7, n_steps, generator=torch.Generator().manual_seed(1)) < 0.3).float()


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        NetworkConfig(hidden=()),
        replace(SMALL, recurrent=True),
        replace(SMALL, readout="spike_count"),
        replace(SMALL, hidden=(4,), threshold=0.75, current_decay=0.25, voltage_decay=0.0, readout_voltage_decay=1.0),
    ],
)
def test_the_exported_network_has_what_the_options_say(config: NetworkConfig) -> None:
    network = build(config).export()
    assert network.input_shape == (7,)
    assert [layer.size for layer in network.layers] == [*config.hidden, 3]
    assert network.depth == depth(config)
    assert network.metadata["readout"] == {"kind": config.readout}
    assert network.output.neuron.never_spikes == (config.readout == "voltage_sum")
    for layer in network.layers[:-1]:
        assert layer.recurrent == config.recurrent
        assert layer.neuron.vth_mant == config.threshold * 64
        assert layer.neuron.current_decay == round(config.current_decay * 4096)
        assert layer.neuron.voltage_decay == round(config.voltage_decay * 4096)
    assert network.output.neuron.current_decay == round(config.readout_current_decay * 4096)
    assert network.output.neuron.voltage_decay == round(config.readout_voltage_decay * 4096)


@pytest.mark.parametrize(("width", "peak", "threshold"), [(1.0, 0.5, 1.0), (0.25, 2.0, 0.5), (3.0, 0.1, 2.0)])
def test_the_surrogate_gradient_is_what_the_options_say(width: float, peak: float, threshold: float) -> None:
    config = NetworkConfig(surrogate_width=width, surrogate_peak=peak, threshold=threshold)
    neuron = build(config).blocks[0].neuron
    distance = width * threshold
    voltage = torch.tensor([[[threshold, threshold - distance, threshold + distance]]], requires_grad=True)
    neuron.spike(voltage).sum().backward()
    expected = [peak, peak / np.e, peak / np.e]
    assert voltage.grad is not None
    # Up to the epsilon of SLAYER's threshold, 0.01 of the voltage's smallest step.
    assert np.allclose(voltage.grad.ravel().numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("recurrent", [False, True])
def test_every_batch_starts_from_empty_state(recurrent: bool) -> None:
    module = build(replace(SMALL, recurrent=recurrent, hidden_weight_scale=6.0))
    first = module(spikes())
    assert first.any()
    assert torch.equal(module(spikes()), first)
    assert torch.equal(module(spikes()[:2]), first[:2])


def test_running_leaves_the_state_dict_loadable_by_a_new_module() -> None:
    module = build(replace(SMALL, recurrent=True))
    module(spikes())
    fresh = SlayerNetwork(module.config, 7, 3)
    fresh.load_state_dict(module.state_dict())
    assert fresh.export() == module.export()


def test_dropout_silences_whole_samples_in_training_only() -> None:
    module = build(NetworkConfig(hidden=(40,), dropout=0.5, hidden_weight_scale=8.0, readout_weight_scale=8.0))
    with torch.no_grad():
        assert not torch.equal(module(spikes()), module(spikes()))
        module.eval()
        assert torch.equal(module(spikes()), module(spikes()))


def test_gradients_reach_every_weight() -> None:
    module = build(replace(SMALL, recurrent=True, hidden_weight_scale=6.0))
    module(spikes()).square().sum().backward()
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_all_values_out_of_range_are_listed_at_once() -> None:
    config = NetworkConfig(
        hidden=(0,), threshold=0.01, current_decay=1.5, readout_voltage_decay=-0.1, surrogate_width=0.0, dropout=1.0
    )
    with pytest.raises(LapilliError) as caught:
        build(config)
    for part in (
        "hidden: sizes must be at least 1, got [0]",
        "threshold: must be a multiple of 1/64, got 0.01",
        "current_decay: must be 0…1, got 1.5",
        "readout_voltage_decay: must be 0…1, got -0.1",
        "surrogate_width: must be above 0, got 0.0",
        "dropout: must be at least 0 and below 1, got 1.0",
    ):
        assert re.search(re.escape(part), str(caught.value))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(LapilliError, match="threshold: must be above 0, got nan"):
        build(NetworkConfig(threshold=float("nan")))
