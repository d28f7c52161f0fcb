"""Operations as a part of the loss: the same numbers as the exported network's, and fewer of them after training."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, run
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork
from lapilli.training.networks.operations import costs
from lapilli.training.networks.time import slayer_input
from lapilli.training.recipes.surrogate_gradient import LossConfig, OptimizerConfig, train

CONFIGS = {
    "one layer": NetworkConfig(hidden=(12,)),
    "two layers": NetworkConfig(hidden=(12, 9), hidden_weight_scale=4.0),
    "recurrent": NetworkConfig(hidden=(10, 8), recurrent=True, hidden_weight_scale=4.0),
    "delays": NetworkConfig(hidden=(12, 9), delays=6, hidden_weight_scale=4.0),
    "recurrent with delays": NetworkConfig(hidden=(10, 8), recurrent=True, delays=6, hidden_weight_scale=4.0),
    "own decays": NetworkConfig(hidden=(10,), recurrent=True, current_decay_range=(0.1, 1), hidden_weight_scale=4.0),
    "counting readout": NetworkConfig(hidden=(12,), readout="spike_count", readout_weight_scale=4.0),
    "no hidden layer": NetworkConfig(hidden=(), readout="spike_count", readout_weight_scale=4.0),
    "a readout alone": NetworkConfig(hidden=()),
}


def random_events(seed: int, n_samples: int, n_steps: int) -> Events:
    dense = np.random.default_rng(seed).random((n_samples, 7, n_steps)) < 0.3
    return Events.from_dense(dense.astype(int))


def network_of(config: NetworkConfig, seed: int) -> SlayerNetwork:
    torch.manual_seed(seed)
    module = SlayerNetwork(config, 7, 3)
    with torch.no_grad():
        for block in module.blocks:
            synapses = ("synapse", "input_synapse", "recurrent_synapse")
            for synapse in (getattr(block, name) for name in synapses if hasattr(block, name)):
                # Some weights that quantisation makes zero.
                synapse.weight[torch.rand_like(synapse.weight) < 0.3] = 1e-4
    return module


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), n_samples=st.integers(1, 4), n_steps=st.integers(1, 25))
@pytest.mark.parametrize("name", CONFIGS)
def test_costs_are_the_counts_of_the_exported_network(name: str, seed: int, n_samples: int, n_steps: int) -> None:
    module, events = network_of(CONFIGS[name], seed), random_events(seed, n_samples, n_steps)
    with torch.no_grad():
        values = slayer_input(events, n_steps + 3)
        found = costs(module.blocks, values, module.answers(values))
        assert torch.equal(module(values), module.answers(values)[-1])
        network = module.export()
    counts = run(network, events, n_steps=n_steps + 3).counts
    assert float(found.operations) == counts.synapse_ops.sum() / n_samples
    assert float(found.spikes) == counts.sent[:, 1:].sum() / n_samples


def test_random_networks_of_these_tests_do_spike() -> None:
    for name, config in CONFIGS.items():
        module = network_of(config, 1)
        values = slayer_input(random_events(1, 4, 25), 28)
        sent = costs(module.blocks, values, module.answers(values)).spikes
        assert (float(sent) > 0) == (name != "a readout alone")


def test_gradients_reach_spikes_and_weights() -> None:
    module = network_of(CONFIGS["two layers"], 3)
    values = slayer_input(random_events(3, 8, 20), 23)
    found = costs(module.blocks, values, module.answers(values))
    (spikes,) = torch.autograd.grad(found.spikes, module.blocks[0].synapse.weight, retain_graph=True)
    assert spikes.abs().max() > 0
    # The readout's spikes cost nothing, its weights do: towards zero, the more the smaller.
    weight = module.blocks[-1].synapse.weight
    (pull,) = torch.autograd.grad(found.operations, weight)
    nonzero = module.blocks[-1].synapse.pre_hook_fx(weight) != 0
    assert bool((torch.sign(pull) * torch.sign(weight))[nonzero].ge(0).all())
    assert bool((pull[~nonzero] == 0).all())
    assert pull.abs().max() > 0


def test_training_on_costs_alone_makes_them_fall() -> None:
    module = network_of(CONFIGS["two layers"], 5)
    values = slayer_input(random_events(5, 16, 20), 23)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    seen = []
    for _ in range(60):
        found = costs(module.blocks, values, module.answers(values))
        optimizer.zero_grad()
        found.operations.backward()
        optimizer.step()
        seen.append((float(found.operations), float(found.spikes)))
    assert seen[-1][0] < 0.7 * seen[0][0]
    assert seen[-1][1] < seen[0][1]


@pytest.mark.slow
def test_a_run_with_costs_needs_fewer_operations_and_says_so(tmp_path: Path) -> None:
    optimizer = OptimizerConfig(max_epochs=2)
    last = {}
    # Almost nothing instead of nothing: what is not paid for is not counted in training.
    for price in (1e-9, 3.0):
        folder = tmp_path / str(price)
        loss = LossConfig(operations=price, spikes=price)
        train(folder, network=NetworkConfig(hidden=(16,)), optimizer=optimizer, loss=loss, progress=False)
        with open(folder / "metrics.csv", newline="") as file:
            last[price] = list(csv.DictReader(file))[-1]
    assert float(last[3.0]["validation_operations"]) < 0.9 * float(last[1e-9]["validation_operations"])
    assert float(last[3.0]["train_spikes"]) < float(last[1e-9]["train_spikes"])


@pytest.mark.parametrize("name", ["operations", "spikes"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_bad_prices_are_refused(tmp_path: Path, name: str, value: float) -> None:
    prices: dict[str, Any] = {name: value}
    with pytest.raises(LapilliError, match=f"loss.{name}: must be"):
        train(tmp_path / "run", loss=LossConfig(**prices), progress=False)


def test_graded_input_events_count_once() -> None:
    torch.manual_seed(3)
    module = SlayerNetwork(NetworkConfig(hidden=(6,)), 5, 3, graded_input=True)
    network = module.export()
    events = Events.from_dense(np.random.default_rng(0).integers(0, 4, (4, 5, 9)), np.zeros(4, np.int64))
    n_steps = events.n_steps + network.depth
    values = slayer_input(events, n_steps)
    found = costs(module.blocks, values, module.answers(values))
    counts = run(network, events, "reference", n_steps=n_steps).counts
    assert float(found.operations) == counts.synapse_ops.sum() / 4 > 0
