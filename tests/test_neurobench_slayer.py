"""NeuroBench's metrics of SLAYER modules: as the exported network has them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
pytest.importorskip("neurobench", reason="neurobench is not installed (the extra `test`)")

from neurobench.models import TorchModel  # noqa: E402
from neurobench_itself import theirs  # noqa: E402
from test_training_slayer_backend import Chain  # noqa: E402
from torch import nn  # noqa: E402

from lapilli.netx_exports import UnsupportedError, from_slayer  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402
from lapilli.simulators.bill.neurobench import network_metrics  # noqa: E402
from lapilli.training.networks.slayer import slayer  # noqa: E402
from lapilli.training.networks.time import clear_state, slayer_input  # noqa: E402
from lapilli.training.neurobench.metrics import neurobench_metrics, static_metrics  # noqa: E402
from lapilli.training.neurobench.operations import FanOuts, operations  # noqa: E402

NEURON = {"threshold": 0.7, "current_decay": 0.3, "voltage_decay": 0.1}

SLAYER: dict[str, tuple[tuple[int, ...], Callable[[Any], list[nn.Module]]]] = {
    "dense": ((9,), lambda cuba: [cuba.Dense(NEURON, 9, 8, weight_scale=2), cuba.Dense(NEURON, 8, 4, weight_scale=3)]),
    "weight norm and readout": (
        (9,),
        lambda cuba: [cuba.Dense(NEURON, 9, 8, weight_scale=3, weight_norm=True), cuba.Affine(NEURON, 8, 4)],
    ),
    "masked": (
        (9,),
        lambda cuba: [
            cuba.Dense(NEURON, 9, 8, weight_scale=4, mask=torch.rand(8, 9) < 0.7),
            cuba.Dense(NEURON, 8, 4, weight_scale=3),
        ],
    ),
    "recurrent": (
        (9,),
        lambda cuba: [
            cuba.Recurrent(NEURON, 9, 8, weight_scale=2),
            cuba.Recurrent(NEURON, 8, 4, weight_scale=3, delay_shift=True),
        ],
    ),
    "images": (
        (2, 8, 7),
        lambda cuba: [
            cuba.Conv(NEURON, 2, 4, 3, padding=1, stride=(1, 2), groups=2, weight_scale=3, delay=True),
            cuba.Pool(NEURON, 2, weight_scale=1),
            cuba.Flatten(),
            cuba.Dense(NEURON, 32, 4, weight_scale=4),
        ],
    ),
}


def slayer_module(name: str) -> Any:
    torch.manual_seed(4)
    module = Chain(SLAYER[name][1](slayer.block.cuba))
    for block in module.blocks:
        if hasattr(block, "recurrent_synapse"):
            # What inhibits itself comes to rest.
            block.recurrent_synapse.weight.data.abs_().neg_()
    return module


def afresh(module: nn.Module, values: Any) -> None:
    """SLAYER's recurrent blocks go on from the last batch."""
    clear_state(module)
    module(values)


@pytest.mark.parametrize("name", SLAYER)
def test_a_slayer_module_and_its_network(name: str) -> None:
    """What is counted in the module is what the exported network counts, after everything has come to rest."""
    module, shape = slayer_module(name), SLAYER[name][0]
    network = from_slayer(module, shape)
    events = Events.from_dense(np.random.default_rng(0).random((5, *shape, 20)) < 0.25)
    done = run(network, events, "reference", n_steps=160, record=("spikes",))
    for layer in network.layers:
        spikes = done.recordings[layer.name].spikes
        assert spikes is not None
        assert layer.neuron.never_spikes or spikes.n_events > 20
        assert not spikes.n_events or int(spikes.step.max()) < 150
    ours = neurobench_metrics(module, slayer_input(events, 160).split(2), afresh)
    assert [one.effective_acs for one in ours.connections] == done.counts.synapse_ops.sum(axis=0).tolist()
    found, of_network = ours.as_neurobench(), network_metrics(network, done.counts).as_neurobench()
    assert found["SynapticOperations"] == of_network["SynapticOperations"]
    assert found["ActivationSparsity"] == of_network["ActivationSparsity"]
    assert 0 < ours.effective_acs < ours.dense
    if name != "images":
        # Not before: a mask gets into the weights when they are first used.
        assert static_metrics(module).connection_sparsity == of_network["ConnectionSparsity"] > 0
    with pytest.raises(UnsupportedError, match=r"blocks\.0\.neuron: its membranes cannot be seen; export it"):
        _ = ours.membrane_updates


def test_neurobench_on_a_slayer_module() -> None:
    """It sees synapses as convolutions, but no neuron, no recurrence, and not which weights are quantised to zero."""
    module = slayer_module("recurrent")
    events = Events.from_dense(np.random.default_rng(0).random((5, 9, 20)) < 0.25)
    values = slayer_input(events, 160)
    first, first_back, second, second_back = neurobench_metrics(module, [values], afresh).connections
    clear_state(module)
    expected = theirs(TorchModel(module), values, 5)
    assert (expected["ActivationSparsity"], expected["MembraneUpdates"]) == (0.0, 0.0)
    assert expected["SynapticOperations"]["Dense"] == (first.dense + second.dense) / 5
    assert expected["SynapticOperations"]["Effective_ACs"] > (first.effective_acs + second.effective_acs) / 5
    assert expected["ConnectionSparsity"] == 0.0 < static_metrics(module).connection_sparsity
    assert min(first_back.effective_acs, second_back.effective_acs) > 0


@pytest.mark.parametrize("kind", ["Dense", "Conv", "Pool", "ConvTranspose", "Unpool"])
def test_slayer_synapses_connection_by_connection(kind: str) -> None:
    """Every input alone: the outputs that it changes. The quantising hook makes some of the weights zero."""
    torch.manual_seed(0)
    arguments = {
        "Dense": ((5, 7, 2), 3),
        "Conv": (2, 4, 3, 2, 1, 1, 2),
        "Pool": ((2, 3),),
        "ConvTranspose": (2, 3, 2, 2),
        "Unpool": (2,),
    }
    synapse = getattr(slayer.synapse, kind)(*arguments[kind])
    synapse.weight = nn.Parameter(torch.randn(synapse.weight.shape))
    synapse.pre_hook_fx = lambda weight: torch.where(weight.abs() < 0.3, 0.0, weight)
    values = (torch.rand(2, 2, 7, 5, 3) < 0.5).float() * 2
    found = operations("", FanOuts(synapse), (values,), {})
    effective = 0
    with torch.no_grad():
        for place in values.nonzero().tolist():
            alone = torch.zeros(values.shape)
            alone[tuple(place)] = 1
            effective += int(torch.count_nonzero(synapse(alone)))
    assert found.effective == found.graded == effective > 0
    assert not found.accumulates
