"""Accuracy of what was exported, beside the module that it came from, and with weights as they were learned."""

import numpy as np
import pytest
import torch
from timed_recordings import NAME, register

from lapilli.netx_exports import LapilliError
from lapilli.simulators import run
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.exported import evaluation
from lapilli.training.exported.evaluation import check_same_decisions, measure, unrounded_accuracy
from lapilli.training.loop.batches import ValidationBatches
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork, depth

CONFIGS = {
    "plain": NetworkConfig(hidden=(20,), hidden_weight_scale=0.5),
    "recurrent": NetworkConfig(hidden=(14, 12), hidden_weight_scale=0.5, recurrent=True, delays=3),
    "batch norm": NetworkConfig(hidden=(20,), hidden_weight_scale=0.5, batch_norm=True),
    "softmax": NetworkConfig(hidden=(20,), hidden_weight_scale=0.5, readout="softmax_sum"),
    "spike count": NetworkConfig(hidden=(20,), hidden_weight_scale=0.5, readout="spike_count"),
}


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    register(monkeypatch)
    return find_task(DataConfig(NAME, Framing(bin_ms=4.0)), progress=False)


def network_of(config: NetworkConfig, task: Task) -> SlayerNetwork:
    torch.manual_seed(2)
    module = SlayerNetwork(config, task.shape, len(task.classes), task.graded).eval()
    weight = module.blocks[-1].synapse.weight
    with torch.no_grad():
        # Else the class with the largest weights is decided always.
        weight.sub_(weight.mean(1, keepdim=True))
        if config.readout == "spike_count":
            weight.mul_(15)
    return module


@pytest.mark.parametrize("name", CONFIGS)
def test_measured_in_pieces_or_at_once(name: str, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    module = network_of(CONFIGS[name], task)
    network, n_steps = module.export(), task.run_steps(depth(CONFIGS[name]))
    whole = check_same_decisions(module, network, task.train, n_steps)
    monkeypatch.setattr(evaluation, "MODULE_BATCH", 7)
    told: list[int] = []
    pieces = measure(network, task.train, n_steps, progress=told.append)
    assert told == [7] * 12 + [6]
    assert np.array_equal(whole.decisions, pieces.decisions)
    assert (whole.accuracy, whole.operations, whole.spikes) == (pieces.accuracy, pieces.operations, pieces.spikes)
    counts = run(network, task.train.events(), "reference", n_steps=n_steps).counts
    assert pieces.operations == counts.synapse_ops.sum() / 90
    assert pieces.spikes == counts.sent[:, 1:].sum() / 90
    assert pieces.accuracy == np.mean(pieces.decisions == task.train.labels)
    assert len(set(pieces.decisions)) > 1


def test_another_network_than_the_one_trained_is_noticed(task: Task) -> None:
    module = network_of(CONFIGS["plain"], task)
    network = module.export()
    with torch.no_grad():
        module.blocks[-1].synapse.weight.neg_()
    with pytest.raises(
        LapilliError, match=r"the exported network decides [0-9]+ of 90 samples unlike what was trained"
    ):
        check_same_decisions(module, network, task.train, 22)


def test_no_samples_have_no_accuracy(task: Task) -> None:
    module = network_of(CONFIGS["plain"], task)
    with pytest.raises(LapilliError, match="accuracy needs at least one sample"):
        measure(module.export(), task.train.subset([]), 22)


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_that_are_not_rounded(name: str, task: Task) -> None:
    module = network_of(CONFIGS[name], task)
    n_steps = task.run_steps(depth(CONFIGS[name]))
    values = next(iter(ValidationBatches(task.train, n_steps, 90))).values
    with torch.no_grad():
        rounded = module(values)
        with module.unrounded():
            unrounded = module(values)
        found = unrounded_accuracy(module, task.train, n_steps)
        assert not torch.equal(rounded, unrounded)
        assert torch.equal(module(values), rounded)
        for synapse in module.modules():
            if isinstance(synapse, torch.nn.Conv3d) and not hasattr(synapse, "weight_raw"):
                step = synapse.weight.mul(32).round().div(32)
                synapse.weight.copy_(step)
        scores = unrounded.softmax(1) if name == "softmax" else unrounded
        assert found == float(np.mean(scores.double().sum(-1).argmax(1).numpy() == task.train.labels))
        if name != "batch norm":
            # On the grid there is nothing to round.
            with module.unrounded():
                unrounded = module(values)
            assert torch.equal(unrounded, module(values))


def test_recurrent_layers_with_batch_norm_are_not_run_unrounded(task: Task) -> None:
    config = NetworkConfig(hidden=(8,), recurrent=True, batch_norm=True)
    module = network_of(config, task)
    assert unrounded_accuracy(module, task.test, 22) is None
    check_same_decisions(module, module.export(), task.test, 22)
