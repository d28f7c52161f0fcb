"""SLAYER blocks with `delay_shift=False`, as SpikingJelly's Lava converter makes them: the module, some steps later."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
cuba = pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed").block.cuba

from lapilli.netx_exports import UnsupportedError, from_slayer  # noqa: E402
from lapilli.simulators import Events, prove, run  # noqa: E402
from lapilli.training.exported.slayer_backend import SlayerBackend  # noqa: E402

NEURON = {"threshold": 1.0, "current_decay": 0.8, "voltage_decay": 0.3}


def flat(shift: bool, kind: Any = None) -> list[Any]:
    options = {"weight_scale": 4, "delay_shift": shift}
    first = (kind or cuba.Dense)(NEURON, 12, 8, **options)
    return [first, torch.nn.Dropout(0.5), cuba.Dense(NEURON, 8, 4, **options, delay=True)]


def images(shift: bool) -> list[Any]:
    return [
        cuba.Conv(NEURON, 2, 3, 3, weight_scale=6, delay_shift=shift),
        cuba.Pool(NEURON, 2, weight_scale=1.1, delay_shift=shift),
        cuba.Flatten(),
        cuba.Dense(NEURON, 27, 4, weight_scale=16, delay_shift=shift),
    ]


CHAINS: dict[str, tuple[Callable[[bool], list[Any]], tuple[int, ...]]] = {
    "dense": (flat, (12,)),
    "recurrent": (lambda shift: flat(shift, cuba.Recurrent), (12,)),
    "images": (images, (2, 8, 8)),
}


def module(blocks: list[Any], shape: tuple[int, ...]) -> Any:
    torch.manual_seed(1)
    made = torch.nn.Module()
    made.blocks = torch.nn.ModuleList(blocks).eval()
    with torch.no_grad():
        values = (torch.rand(1, *shape, 9) < 0.3).float()
        for block in blocks:
            values = block(values)
        for block in blocks:
            if getattr(block, "delay", None) is not None:
                block.delay.delay.data = torch.linspace(0.5, 5, len(block.delay.delay))
    return made


@pytest.mark.parametrize("name", CHAINS)
def test_the_network_is_the_module_some_steps_later(name: str) -> None:
    build, shape = CHAINS[name]
    torch.manual_seed(0)
    unshifted, twin = module(build(False), shape), module(build(True), shape)
    twin.load_state_dict(unshifted.state_dict())
    network = from_slayer(unshifted, shape)
    assert network == from_slayer(twin, shape)
    behind = network.metadata["steps_behind_module"]
    assert "steps_behind_module" not in from_slayer(twin, shape).metadata
    assert behind == len(network.layers)
    spikes = (torch.rand(2, *shape, 40, generator=torch.Generator().manual_seed(3)) < 0.3).float()
    wanted = spikes
    with torch.no_grad():
        for block in unshifted.blocks:
            for state in ("current_state", "voltage_state"):
                if hasattr(block, "neuron"):
                    setattr(block.neuron, state, torch.zeros(1))
            wanted = block(wanted)
    found = run(network, Events.from_dense(spikes.numpy() != 0), n_steps=40 + behind).spikes.to_dense()
    theirs = wanted.numpy().reshape(*found.shape[:-1], 40) != 0
    assert theirs.sum() > 10
    assert np.array_equal(found[..., behind:] != 0, theirs)
    assert not found[..., :behind].any()


@pytest.mark.parametrize("name", CHAINS)
def test_it_is_proven_against_the_module_itself(name: str) -> None:
    build, shape = CHAINS[name]
    torch.manual_seed(0)
    unshifted = module(build(False), shape)
    network = from_slayer(unshifted, shape)
    spikes = np.random.default_rng(3).random((2, *shape, 30)) < 0.3
    proof = prove(
        network, Events.from_dense(spikes), {"reference": "reference", "slayer": SlayerBackend(unshifted)}, n_steps=36
    )
    assert proof.equal, proof
    assert run(network, Events.from_dense(spikes), n_steps=36).spikes.n_events > 10


def test_a_part_of_the_blocks_may_be_unshifted() -> None:
    torch.manual_seed(0)
    blocks = [cuba.Dense(NEURON, 12, 8, weight_scale=4, delay_shift=shift) for shift in (True,)]
    blocks += [cuba.Dense(NEURON, 8, 8, weight_scale=4, delay_shift=False), cuba.Dense(NEURON, 8, 4, weight_scale=4)]
    mixed = module(blocks, (12,))
    network = from_slayer(mixed)
    assert network.metadata["steps_behind_module"] == 1
    events = Events.from_dense(np.random.default_rng(3).random((2, 12, 30)) < 0.3)
    assert prove(network, events, {"reference": "reference", "slayer": SlayerBackend(mixed)}, n_steps=33).equal


def test_where_it_is_not_so_the_remedy_is_named() -> None:
    norm = {**NEURON, "norm": __import__("lava.lib.dl.slayer", fromlist=["neuron"]).neuron.norm.MeanOnlyBatchNorm}
    blocks = [cuba.Dense(NEURON, 12, 8, delay_shift=False), cuba.Dense(norm, 8, 4, delay_shift=False)]
    made = module(blocks, (12,))
    made.blocks[1].neuron.norm.running_mean = torch.linspace(-0.3, 0.25, 4)
    message = r"block 0 \(Dense\): delay_shift=False: the bias of layer 'dense2' .*; set delay_shift=True and train"
    with pytest.raises(UnsupportedError, match=message):
        from_slayer(made)
