"""The SLAYER module and the network exported from it: the same spikes, currents, voltages and counts everywhere."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from of_kind import of_kind

from lapilli.netx_exports import DirectSynapse, LapilliError, Network, UnsupportedError, from_slayer
from lapilli.simulators import Events, Reset, prove, run
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.networks.slayer import slayer

cuba = slayer.block.cuba
NEURON = {"threshold": 0.7, "current_decay": 0.3, "voltage_decay": 0.1}


class Chain(torch.nn.Module):
    """Blocks one after the other, as SLAYER's users write it."""

    def __init__(self, blocks: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            values = block(values)
        return values


def neuron(**changes: Any) -> dict[str, Any]:
    return NEURON | changes


def normalised(size: int) -> dict[str, Any]:
    """A neuron with the bias of a trained mean-only batch norm."""

    def norm() -> torch.nn.Module:
        part = slayer.neuron.norm.MeanOnlyBatchNorm(size)
        part.running_mean = torch.linspace(-0.3, 0.2, size)
        return part

    return neuron(norm=norm)


def delayed(block: torch.nn.Module, size: int, largest: float) -> torch.nn.Module:
    block.delay.delay.data = torch.linspace(0, largest, size)
    block.delay.init = True
    return block


MODULES: dict[str, tuple[tuple[int, ...], Callable[[], list[torch.nn.Module]]]] = {
    "dense": ((9,), lambda: [cuba.Dense(neuron(), 9, 8, weight_scale=4), cuba.Dense(neuron(), 8, 4, weight_scale=4)]),
    "readout": (
        (9,),
        lambda: [cuba.Dense(neuron(), 9, 8, weight_scale=4), cuba.Affine(neuron(), 8, 4, weight_scale=2)],
    ),
    "recurrent": (
        (9,),
        lambda: [cuba.Recurrent(neuron(), 9, 8, weight_scale=4), cuba.Recurrent(neuron(), 8, 4, weight_scale=4)],
    ),
    "bias": (
        (9,),
        lambda: [cuba.Dense(normalised(8), 9, 8, weight_scale=4), cuba.Dense(normalised(4), 8, 4, weight_scale=4)],
    ),
    "dropout": (
        (9,),
        lambda: [
            cuba.Dense(neuron(dropout=slayer.neuron.Dropout(0.5)), 9, 8, weight_scale=4),
            torch.nn.Dropout(0.5),
            cuba.Dense(neuron(), 8, 4, weight_scale=4),
        ],
    ),
    "delay": (
        (9,),
        lambda: [
            delayed(cuba.Dense(neuron(), 9, 8, weight_scale=4, delay=True), 8, 5.5),
            delayed(cuba.Dense(neuron(), 8, 4, weight_scale=4, delay=True), 4, 40.0),
        ],
    ),
    "delay behind a bias": (
        (9,),
        lambda: [
            delayed(cuba.Dense(normalised(8), 9, 8, weight_scale=4, delay=True), 8, 5.5),
            cuba.Dense(neuron(), 8, 4, weight_scale=4),
        ],
    ),
    "delay behind a recurrence": (
        (9,),
        lambda: [
            delayed(cuba.Recurrent(neuron(), 9, 8, weight_scale=4, delay=True), 8, 5.5),
            cuba.Dense(neuron(), 8, 4, weight_scale=4),
        ],
    ),
    "conv": (
        (2, 6, 5),
        lambda: [
            cuba.Conv(normalised(3), 2, 3, 3, padding=1, weight_scale=4),
            cuba.Pool(neuron(), 2, weight_scale=1),
            cuba.Flatten(),
            cuba.Dense(neuron(), 27, 4, weight_scale=4),
        ],
    ),
    "conv with delays": (
        (2, 6, 5),
        lambda: [
            delayed(cuba.Conv(neuron(), 2, 3, 3, padding=1, weight_scale=4, delay=True), 3, 4.0),
            cuba.Flatten(),
            cuba.Dense(neuron(), 90, 4, weight_scale=4),
        ],
    ),
    "input block without neuron": (
        (9,),
        lambda: [cuba.Input(None, delay_shift=False), cuba.Dense(neuron(), 9, 4, weight_scale=4)],
    ),
    "256 states per unit": (
        (9,),
        lambda: [cuba.Dense(neuron(scale=1 << 8), 9, 8), cuba.Dense(neuron(scale=1 << 8), 8, 4)],
    ),
}


def build(name: str, seed: int) -> tuple[Chain, Network, Events]:
    shape, blocks = MODULES[name]
    torch.manual_seed(seed)
    module = Chain(blocks())
    events = Events.from_dense(np.random.default_rng(seed).random((5, *shape, 30)) < 0.25, np.arange(5))
    return module, from_slayer(module, shape), events


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MODULES)
def test_module_and_reference_agree_on_everything(name: str, seed: int) -> None:
    module, network, events = build(name, seed)
    proof = prove(network, events, {"reference": "reference", "slayer": SlayerBackend(module)})
    assert proof.equal, [str(difference) for difference in proof.first.values()]
    assert proof.n_steps == 30 + network.depth
    assert proof.spikes_compared > 100


def test_direct_input_agrees_with_the_integers_that_the_host_feeds() -> None:
    torch.manual_seed(0)
    module = Chain([cuba.Input(neuron(), weight=0.75, bias=0.125), cuba.Dense(neuron(), 6, 4, weight_scale=6)])
    analogue = torch.rand(3, 6, 25)
    module(analogue)
    network = from_slayer(module)
    direct = of_kind(DirectSynapse, network.layers[0].synapses[0])
    quantised = module.blocks[0].neuron.quantize_8bit(analogue).numpy()
    events = Events.from_dense(direct.input_current(quantised))
    proof = prove(network, events, {"reference": "reference", "slayer": SlayerBackend(module)})
    assert proof.equal, [str(difference) for difference in proof.first.values()]
    assert proof.spikes_compared > 100
    # What SLAYER's own forward pass gives for the analogue values, whose blocks answer a step late.
    fed = run(network, events, "reference", n_steps=25)
    assert np.array_equal(fed.spikes.to_dense()[..., :-1], module(analogue).detach().numpy()[..., 1:])


def test_a_changed_weight_is_found() -> None:
    module, network, events = build("dense", 0)
    with torch.no_grad():
        module.blocks[1].synapse.weight[2] *= 2
    proof = prove(network, events, {"reference": "reference", "slayer": SlayerBackend(module)})
    assert not proof.equal
    assert proof.first["slayer"].layer == network.output.name


def test_the_result_is_that_of_the_forward_pass() -> None:
    module, network, events = build("recurrent", 0)
    result = run(network, events, SlayerBackend(module))
    assert result.backend == "slayer"
    assert np.array_equal(result.spikes.labels, events.labels)
    frames = torch.from_numpy(events.to_dense()).float()
    forward = module(torch.nn.functional.pad(frames, (1, 0)))
    assert np.array_equal(result.spikes.to_dense()[..., :29], forward[..., 1:30].detach().numpy())


def test_samples_do_not_depend_on_their_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    module, network, events = build("recurrent", 1)
    whole = run(network, events, SlayerBackend(module))
    monkeypatch.setattr("lapilli.training.exported.slayer_backend.MODULE_BATCH", 2)
    told: list[int] = []
    parts = run(network, events, SlayerBackend(module), progress=told.append)
    assert np.array_equal(whole.spikes.to_dense(), parts.spikes.to_dense())
    assert told == [2, 2, 1]


@pytest.mark.parametrize("mode", [True, False])
def test_the_module_is_left_as_it_was(mode: bool) -> None:
    module, network, events = build("bias", 0)
    module.train(mode)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    run(network, events, SlayerBackend(module))
    assert module.training is mode
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    for block in module.blocks:
        assert "dynamics" not in vars(block.neuron)
        assert "spike" not in vars(block.neuron)
        assert not block.neuron.norm._forward_pre_hooks


def test_no_samples_give_an_empty_result() -> None:
    module, network, events = build("dense", 0)
    result = run(network, events.select(slice(0, 0)), SlayerBackend(module), record=["voltage"])
    assert len(result.spikes) == 0
    assert result.recordings[network.output.name].voltage.shape == (0, 4, 30)


def test_events_of_another_shape_of_the_same_size_are_reshaped() -> None:
    module, network, events = build("conv", 0)
    flat = Events(events.step, events.neuron, events.offsets, events.n_steps, (60,))
    expected = run(network, events, SlayerBackend(module)).spikes
    assert np.array_equal(run(network, flat, SlayerBackend(module)).spikes.to_dense(), expected.to_dense())


def test_a_periodic_reset_is_refused() -> None:
    module, network, events = build("dense", 0)
    with pytest.raises(UnsupportedError, match="SLAYER has no periodic reset"):
        run(network, events, SlayerBackend(module), reset=Reset(10))


def test_a_network_of_another_depth_is_refused() -> None:
    module, _, events = build("dense", 0)
    network = from_slayer(Chain([cuba.Dense(neuron(), 9, 4)]))
    with pytest.raises(LapilliError, match="the module has 2 blocks with neurons, the network 1 layers"):
        run(network, events, SlayerBackend(module))


def test_a_network_of_other_sizes_is_refused() -> None:
    module, _, events = build("dense", 0)
    network = from_slayer(Chain([cuba.Dense(neuron(), 9, 7), cuba.Dense(neuron(), 7, 4)]))
    with pytest.raises(LapilliError, match=r"layer 'dense1' has shape \(7,\), its SLAYER block \(8,\)"):
        run(network, events, SlayerBackend(module))


def test_a_block_whose_neuron_never_runs_is_refused() -> None:
    network = from_slayer(Chain([cuba.Affine(neuron(), 9, 4)]))
    module = Chain([cuba.Affine(neuron(), 9, 4, dynamics=False)])
    events = Events.from_dense(np.ones((1, 9, 5), int))
    with pytest.raises(LapilliError, match="'readout1': the neuron of its SLAYER block is never run"):
        run(network, events, SlayerBackend(module))
