"""Learning rates: delays move in steps and decays in shares, and neither is pulled towards 0."""

import pytest
import torch

from lapilli.training.loop.parameter_groups import parameter_groups
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork


def test_every_parameter_is_in_one_group_with_its_learning_rate() -> None:
    torch.manual_seed(0)
    module = SlayerNetwork(NetworkConfig(hidden=(6, 5), delays=9, learn_decays=True), 7, 3)
    groups = parameter_groups(module, 1e-3, weight_decay=0.1, delay_lr=50.0, decay_lr=0.5)
    assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0, 0.0]
    assert [group["lr"] for group in groups] == pytest.approx([1e-3, 0.05, 2.048])
    assert [len(group["params"]) for group in groups] == [3, 2, 6]
    before = [[parameter.detach().clone() for parameter in group["params"]] for group in groups]
    optimizer = torch.optim.AdamW(groups)
    module((torch.rand(4, 7, 30) < 0.5).float()).square().sum().backward()
    optimizer.step()
    moved = [
        max(float((parameter - old).abs().max()) for parameter, old in zip(group["params"], olds))
        for group, olds in zip(groups, before)
    ]
    # Adam's first step is the learning rate.
    assert moved == pytest.approx([1e-3, 0.05, 2.048], rel=0.2)


def test_without_delays_and_learned_decays_there_is_one_group_in_the_modules_order() -> None:
    module = SlayerNetwork(NetworkConfig(hidden=(6,)), 7, 3)
    (group,) = parameter_groups(module, 1e-3)
    assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in module.parameters()]
