"""The SLAYER networks: what the options mean in numbers, and what is refused."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from of_kind import of_kind

from lapilli.netx_exports import LapilliError, Readout
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.simulators import Events, prove, run
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork, depth

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
        replace(SMALL, readout="softmax_sum"),
        replace(SMALL, weight_norm=True),
        replace(SMALL, recurrent=True, weight_norm=True),
        replace(SMALL, hidden=(4,), threshold=0.75, current_decay=0.25, voltage_decay=0.0, readout_voltage_decay=1.0),
    ],
)
def test_the_exported_network_has_what_the_options_say(config: NetworkConfig) -> None:
    network = build(config).export()
    assert network.input_shape == (7,)
    assert [layer.size for layer in network.layers] == [*config.hidden, 3]
    assert network.depth == depth(config)
    assert network.readout == Readout(config.readout)
    assert network.output.neuron.never_spikes == (config.readout != "spike_count")
    for layer in network.layers[:-1]:
        assert layer.recurrent == config.recurrent
        neuron = of_kind(CubaLif, layer.neuron)
        assert neuron.vth_mant == config.threshold * 64
        assert neuron.current_decay == round(config.current_decay * 4096)
        assert neuron.voltage_decay == round(config.voltage_decay * 4096)
    readout = of_kind(CubaLif, network.output.neuron)
    assert readout.current_decay == round(config.readout_current_decay * 4096)
    assert readout.voltage_decay == round(config.readout_voltage_decay * 4096)


@pytest.mark.parametrize(("width", "peak", "threshold"), [(1.0, 0.5, 1.0), (0.25, 2.0, 0.5), (3.0, 0.1, 2.0)])
def test_the_surrogate_gradient_is_what_the_options_say(width: float, peak: float, threshold: float) -> None:
    config = NetworkConfig(surrogate_width=width, surrogate_peak=peak, threshold=threshold)
    neuron = build(config).blocks[0].neuron
    distance = width * threshold
    voltage = torch.tensor([[[threshold, threshold - distance, threshold + distance]]], requires_grad=True)
    neuron.spike(voltage).sum().backward()
    expected = [peak, peak / math.e, peak / math.e]
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


RICH = NetworkConfig(
    hidden=(6, 5),
    delays=4,
    current_decay_range=(0.1, 0.9),
    voltage_decay_range=(0.0, 0.5),
    learn_decays=True,
    weight_norm=True,
    hidden_weight_scale=6.0,
)
VARIANTS = {
    "delays": replace(SMALL, delays=5, hidden_weight_scale=6.0),
    "recurrent with delays": replace(SMALL, recurrent=True, delays=5, hidden_weight_scale=6.0),
    "own decays": replace(SMALL, current_decay_range=(0.05, 0.9), hidden_weight_scale=6.0),
    "everything": RICH,
    "everything, recurrent": replace(RICH, recurrent=True, through_state=True),
    "everything, counting": replace(RICH, recurrent=True, readout="spike_count", readout_weight_scale=6.0),
}


def learn(module: SlayerNetwork, steps: int = 3) -> None:
    """A few steps, so that all parameters have left their first values."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        module(spikes()).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", VARIANTS)
def test_the_exported_network_does_what_was_trained(name: str) -> None:
    module = build(VARIANTS[name])
    learn(module)
    network = module.export()
    assert network.depth <= depth(module.config)
    events = Events.from_dense(np.random.default_rng(2).random((12, 7, 30)) < 0.3, np.arange(12) % 3)
    proof = prove(network, events, {"reference": "reference", "fast": "fast", "slayer": SlayerBackend(module)})
    assert proof.equal, [str(difference) for difference in proof.first.values()]
    assert proof.spikes_compared > 100
    assert all(getattr(block, "through_state", False) == module.config.through_state for block in module.blocks[:-1])


@pytest.mark.parametrize("name", VARIANTS)
def test_answers_are_what_the_layers_of_the_exported_network_send(name: str) -> None:
    module = build(VARIANTS[name])
    learn(module)
    n_steps = 12 + depth(module.config)
    with torch.no_grad():
        answers = module.answers(torch.nn.functional.pad(spikes(), (1, n_steps - 13)))
    network = module.export()
    layers = [layer.name for layer in network.layers[: len(module.config.hidden)]]
    events = Events.from_dense(spikes().numpy().astype(int))
    result = run(network, events, "reference", n_steps=n_steps, record={name: ["spikes"] for name in layers})
    for layer, answer in zip(layers, answers):
        recorded = result.recordings[layer].spikes
        assert recorded is not None
        assert np.array_equal(recorded.to_dense(), answer.numpy()), layer


@pytest.mark.parametrize("recurrent", [False, True])
def test_with_all_delays_at_their_largest_the_depth_is_that_of_the_network(recurrent: bool) -> None:
    module = build(replace(SMALL, delays=9, recurrent=recurrent, initial_delays=(9, 9)))
    assert module.export().depth == depth(module.config) == 3 + 2 * 9
    assert build(replace(SMALL, delays=9, initial_delays=(0, 0.5))).export().depth == 3


def test_own_decays_are_drawn_in_their_range_and_exported_for_each_neuron() -> None:
    config = NetworkConfig(hidden=(200,), current_decay_range=(0.25, 0.75))
    decays = of_kind(CubaLif, build(config).export().layers[0].neuron)
    current = np.asarray(decays.current_decay)
    assert current.shape == (200,)
    assert 0.25 * 4096 <= current.min() < 0.3 * 4096
    assert 0.7 * 4096 < current.max() <= 0.75 * 4096
    assert np.unique(np.asarray(decays.voltage_decay)).tolist() == [round(0.03 * 4096)]
    assert build(config).export() == build(config).export()


def test_a_state_dict_of_everything_fits_a_new_module() -> None:
    module = build(replace(RICH, recurrent=True))
    learn(module)
    torch.manual_seed(5)
    fresh = SlayerNetwork(module.config, 7, 3)
    assert fresh.export() != module.export()
    fresh.load_state_dict(module.state_dict())
    assert fresh.export() == module.export()


def test_through_state_changes_gradients_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for through_state in (False, True):
        module = build(replace(SMALL, recurrent=True, through_state=through_state, hidden_weight_scale=6.0))
        answer = module(spikes())
        answer.square().sum().backward()
        found.append((answer, module.blocks[0].input_synapse.weight.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.equal(found[0][1], found[1][1])
    monkeypatch.setenv("LAPILLI_DYNAMICS", "slayer")
    with pytest.raises(LapilliError, match="through_state: SLAYER's own code has no such gradient"):
        build(replace(SMALL, recurrent=True, through_state=True))


@pytest.mark.parametrize("config", [replace(SMALL, recurrent=True, hidden_weight_scale=6.0), RICH])
def test_gradients_reach_every_weight(config: NetworkConfig) -> None:
    module = build(config)
    module(spikes()).square().sum().backward()
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_all_values_out_of_range_are_listed_at_once() -> None:
    with pytest.raises(LapilliError) as caught:
        NetworkConfig(
            hidden=(0,), threshold=0.01, current_decay=1.5, readout_voltage_decay=-0.1, surrogate_width=0.0, dropout=1.0
        )
    for part in (
        "hidden[0]: must be at least 1, got 0",
        "threshold: must be a multiple of 1/64, got 0.01",
        "current_decay: must be 0…1, got 1.5",
        "readout_voltage_decay: must be 0…1, got -0.1",
        "surrogate_width: must be above 0, got 0.0",
        "dropout: must be at least 0 and below 1, got 1.0",
    ):
        assert re.search(re.escape(part), str(caught.value))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"delays": 63}, "delays: must be 0…62, got 63"),
        ({"delays": -1}, "delays: must be 0…62, got -1"),
        ({"delays": 3, "initial_delays": (0, 4)}, "initial_delays: must be two values of 0…3, .*got [0.0, 4.0]"),
        ({"initial_delays": (0, 1)}, "initial_delays: must be two values of 0…0, .*got [0.0, 1.0]"),
        ({"current_decay_range": (0.5, 0.2)}, "current_decay_range: must be two values of 0…1, .*got [0.5, 0.2]"),
        ({"voltage_decay_range": (0, 1.5)}, "voltage_decay_range: must be two values of 0…1, .*got [0, 1.5]"),
        ({"through_state": True}, "through_state: is of recurrent layers; recurrent is false"),
    ],
)
def test_options_that_mean_nothing_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LapilliError, match=problem.replace("[", r"\[").replace("]", r"\]")):
        build(replace(SMALL, **change))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(LapilliError, match="threshold: must be finite, got nan"):
        NetworkConfig(threshold=float("nan"))
