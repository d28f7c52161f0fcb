"""`lapilli.prove_module` with a user's own module: blocks, a module that has them, and what it says of others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from of_kind import of_kind

import lapilli
from lapilli.netx_exports import DenseSynapse, LapilliError
from lapilli.training.networks.slayer import slayer

cuba = slayer.block.cuba
NEURON = {"threshold": 0.7, "current_decay": 0.3, "voltage_decay": 0.1}
FAST = ("reference", "fast")


class Own(torch.nn.Module):
    """As SLAYER's users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks())


def blocks() -> list[Any]:
    torch.manual_seed(1)
    return [
        cuba.Recurrent({**NEURON}, 9, 8, weight_scale=4),
        cuba.Dense({**NEURON}, 8, 4, weight_scale=4),
    ]


def events() -> lapilli.Events:
    rng = np.random.default_rng(0)
    return lapilli.Events.from_dense(rng.random((5, 9, 20)) < 0.3, labels=[0, 1, 2, 3, 0])


@pytest.mark.parametrize("module", [blocks(), tuple(blocks()), Own(), torch.nn.Sequential(*blocks()), blocks()[0]])
def test_what_from_slayer_takes_is_proven(module: Any) -> None:
    readout = lapilli.netx_exports.Readout("spike_count")
    network = lapilli.from_slayer(module, readout=readout)
    proof = lapilli.prove_module(module, network, events(), backends=FAST)
    assert proof.equal
    assert proof.backends == ("slayer", *FAST)
    assert proof.n_steps == 20 + network.depth
    assert proof.spikes_compared > 0
    assert proof.counts
    decided = [made.classes.tolist() for made in proof.decisions.values()]
    assert decided == [lapilli.decide(network, events()).classes.tolist()] * 3


def test_another_network_is_found_out() -> None:
    module = Own()
    network = lapilli.from_slayer(module)
    first = of_kind(DenseSynapse, network.layers[0].synapses[0])
    before = np.asarray(first.weights)
    weights = np.where(np.arange(8)[:, None] < 4, -before, before)
    synapses = (replace(first, weights=weights), *network.layers[0].synapses[1:])
    other = replace(network, layers=(replace(network.layers[0], synapses=synapses), *network.layers[1:]))
    proof = lapilli.prove_module(module, other, events(), backends=("fast",))
    assert not proof.equal
    assert proof.first["fast"].layer == network.layers[0].name


def test_the_mode_of_every_part_stays() -> None:
    module = Own().train()
    network = lapilli.from_slayer(module)
    module.blocks[0].eval()
    modes = [part.training for part in module.modules()]
    lapilli.prove_module(module, network, events(), backends=("fast",))
    assert [part.training for part in module.modules()] == modes
    loose = blocks()
    loose[1].eval()
    lapilli.prove_module(loose, network, events(), backends=("fast",))
    assert (loose[0].training, loose[1].training) == (True, False)


def test_what_is_no_module_is_refused() -> None:
    network = lapilli.from_slayer(Own())
    with pytest.raises(LapilliError, match="module: must have blocks, or be a sequence of SLAYER's blocks, got int"):
        lapilli.prove_module(3, network, events())
    with pytest.raises(LapilliError, match="the module has 1 blocks with neurons, the network 2 layers"):
        lapilli.prove_module(blocks()[:1], network, events(), backends=("fast",))
