"""Convolutional networks: what is trained, what is exported and what is counted are the same."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, prove, run
from lapilli.simulators.configurations import configured
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.networks.network import ConvConfig, NetworkConfig, SlayerNetwork, depth
from lapilli.training.networks.operations import costs
from lapilli.training.networks.time import slayer_input

IMAGE = (2, 8, 12)
PLAIN = NetworkConfig(conv=(ConvConfig(4),), hidden=(), hidden_weight_scale=5.0)
VARIANTS = {
    "one convolution": PLAIN,
    "strides": replace(PLAIN, conv=(ConvConfig(4, stride=2), ConvConfig(6, kernel=2, padding=1)), hidden=(9,)),
    "pooling neurons": replace(PLAIN, conv=(ConvConfig(4, pool=2), ConvConfig(6, kernel=1, pool=2)), hidden=(9,)),
    "grouped pooling": replace(PLAIN, conv=(ConvConfig(6), ConvConfig(6, kernel=2, stride=2, groups=6))),
    "groups, delays and recurrence": replace(
        PLAIN,
        conv=(ConvConfig(4, kernel=5, stride=2), ConvConfig(6, groups=2)),
        hidden=(9, 7),
        recurrent=True,
        delays=3,
    ),
    "a skip of each channel to itself": replace(PLAIN, conv=(ConvConfig(4), ConvConfig(6), ConvConfig(4, skip=1))),
    "aligned skips through pools, strides and the input": replace(
        PLAIN,
        conv=(ConvConfig(4, pool=2), ConvConfig(6, skip=1), ConvConfig(6, stride=2, skip=2), ConvConfig(6, skip=2)),
        hidden=(9,),
        aligned_skips=True,
    ),
    "skips, weight norm, groups": replace(
        PLAIN,
        conv=(ConvConfig(4), ConvConfig(4, groups=2), ConvConfig(6, groups=2, pool=2, skip=2), ConvConfig(6, skip=1)),
        hidden=(9, 7, 6),
        hidden_skips=True,
        weight_norm=True,
    ),
    "hidden skips with delays, aligned": replace(
        PLAIN, conv=(ConvConfig(4, stride=2),), hidden=(9, 7, 6), hidden_skips=True, aligned_skips=True, delays=3
    ),
    "learned decays, weight norm, counting": replace(
        PLAIN,
        conv=(ConvConfig(4, pool=2),),
        hidden=(9,),
        learn_decays=True,
        weight_norm=True,
        readout="spike_count",
        readout_weight_scale=6.0,
    ),
}


def build(config: NetworkConfig, seed: int = 0) -> SlayerNetwork:
    torch.manual_seed(seed)
    return SlayerNetwork(config, IMAGE, 5)


def learn(module: SlayerNetwork, events: Events) -> None:
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(2):
        optimizer.zero_grad()
        module(slayer_input(events, 20)).square().sum().backward()
        optimizer.step()


def random_events(seed: int, n_samples: int = 4) -> Events:
    dense = np.random.default_rng(seed).random((n_samples, *IMAGE, 15)) < 0.2
    return Events.from_dense(dense.astype(int), np.arange(n_samples) % 5)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_exported_network_does_what_was_trained(name: str) -> None:
    module, events = build(VARIANTS[name]), random_events(1)
    learn(module, random_events(2))
    network = module.export()
    assert network.depth <= depth(module.config)
    assert network.input_shape == IMAGE
    backends: dict[str, Any] = {"reference": "reference", "fast": "fast", "slayer": SlayerBackend(module)}
    proof = prove(network, events, backends)
    assert proof.equal, [str(difference) for difference in proof.first.values()]
    assert proof.spikes_compared > 1000
    decided = [
        decide(run(network, events, backend, n_steps=25, record=needed_recording(network)), network).tolist()
        for backend in backends.values()
    ]
    assert decided[0] == decided[1] == decided[2]


@pytest.mark.parametrize("name", VARIANTS)
def test_costs_are_the_counts_of_the_exported_network(name: str) -> None:
    module, events = build(VARIANTS[name]), random_events(3)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                # Some weights that quantisation makes zero.
                parameter[torch.rand_like(parameter) < 0.3] = 1e-4
        values = slayer_input(events, 18)
        found = costs(module.blocks, values, module.answers(values))
    counts = run(module.export(), events, n_steps=18).counts
    assert float(found.operations) == counts.synapse_ops.sum() / 4
    assert float(found.spikes) == counts.sent[:, 1:].sum() / 4


def test_operations_pull_the_weights_of_convolutions_towards_zero() -> None:
    module, values = build(VARIANTS["strides"]), slayer_input(random_events(4), 18)
    answers = module.answers(values)
    weight = module.blocks[0].synapse.weight
    sent = [answer.detach() for answer in answers]
    (pull,) = torch.autograd.grad(costs(module.blocks, values, sent).operations, weight)
    nonzero = module.blocks[0].synapse.pre_hook_fx(weight) != 0
    assert bool((torch.sign(pull) * torch.sign(weight))[nonzero].gt(0).all())
    (whole,) = torch.autograd.grad(costs(module.blocks, values, answers).operations, weight)
    assert not torch.equal(pull, whole)


def test_gradients_reach_every_weight() -> None:
    module = build(VARIANTS["pooling neurons"])
    module(slayer_input(random_events(5), 20)).square().sum().backward()
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_pooling_neurons_spike_when_any_neuron_of_their_window_does() -> None:
    module = build(replace(PLAIN, conv=(ConvConfig(4, pool=2),)))
    sent = module.answers(slayer_input(random_events(6), 18))
    windows = torch.nn.functional.max_pool3d(sent[0], (2, 2, 1))
    assert torch.equal(sent[1][..., 1:], windows[..., :-1])
    assert 0.05 < float(sent[1].mean()) < 0.95


def test_the_sections_of_a_file_and_the_facts_of_weights_give_the_same_network() -> None:
    module = build(VARIANTS["groups, delays and recurrence"])
    config = configured(NetworkConfig, yaml.safe_load(yaml.safe_dump(asdict(module.config))))
    assert config == module.config
    fresh = SlayerNetwork.from_facts(config, module.facts)
    fresh.load_state_dict(module.state_dict())
    assert fresh.export() == module.export()


def test_an_image_without_convolutions_is_a_row_of_neurons() -> None:
    torch.manual_seed(0)
    module = SlayerNetwork(NetworkConfig(hidden=(9,), hidden_weight_scale=5.0), IMAGE, 5)
    assert module.facts == {"n_inputs": 192, "n_classes": 5}
    network, events = module.export(), random_events(7)
    assert network.input_shape == (192,)
    proof = prove(network, events, {"fast": "fast", "slayer": SlayerBackend(module)})
    assert proof.equal
    values = slayer_input(events, 18)
    assert torch.equal(module(values), module(values.flatten(1, 3)))


@pytest.mark.parametrize(
    ("conv", "problem"),
    [
        ([ConvConfig(3), ConvConfig(4, groups=2)], "conv 1: groups: 2 must divide the channels 3 and 4"),
        ([ConvConfig(4, pool=3)], "conv 0: pool: 3 must divide the 8 rows and 12 columns"),
        ([ConvConfig(4), ConvConfig(4, skip=2)], "conv 1: skip: must be 0…1, got 2"),
        ([ConvConfig(4, skip=1)], "conv 0: skip: must be 0…0, got 1"),
        ([ConvConfig(4), ConvConfig(4, kernel=2, skip=1)], r"conv 1: skip: comes out as \(8, 12\) .* has \(7, 11\)"),
        ([ConvConfig(4, stride=4), ConvConfig(4, kernel=4)], "conv 1: nothing is left of 2 rows and 3 columns"),
    ],
)
def test_what_does_not_fit_is_refused(conv: list[ConvConfig], problem: str) -> None:
    with pytest.raises(LapilliError, match=problem):
        build(replace(PLAIN, conv=tuple(conv)))


def test_what_no_layer_has_is_refused() -> None:
    layers = [{"channels": 4, "kernel": 0}, {"channels": 4, "padding": -1}, {"channels": 128, "groups": 128}]
    with pytest.raises(LapilliError) as caught:
        configured(NetworkConfig, {"conv": layers})
    assert str(caught.value) == (
        "conv[0].kernel: must be at least 1, got 0; conv[1].padding: must be at least 0, got -1; "
        "conv[2].groups: must be 1…127, got 128"
    )


def test_hidden_skips_of_recurrent_layers_are_refused() -> None:
    with pytest.raises(LapilliError, match="hidden_skips: is of layers that do not feed themselves; recurrent is true"):
        build(replace(PLAIN, hidden=(5, 4), hidden_skips=True, recurrent=True))


def test_what_comes_by_an_aligned_skip_is_as_late_as_what_took_the_longer_way() -> None:
    for aligned in (False, True):
        config = replace(PLAIN, conv=(ConvConfig(4, pool=2), ConvConfig(4), ConvConfig(4, skip=1)))
        network = build(replace(config, aligned_skips=aligned)).export()
        main, skip = network.output, network.layers[3]
        assert main.name == "readout5"
        assert [synapse.source for synapse in skip.synapses] == ["conv3", "pool2"]
        assert [synapse.delay_range for synapse in skip.synapses] == [(0, 0), (int(aligned), int(aligned))]
        assert network.depth == depth(config)


def test_lava_runs_skips_that_are_not_aligned() -> None:
    module, events = build(VARIANTS["a skip of each channel to itself"]), random_events(8, 1)
    proof = prove(module.export(), events, ("reference", "lava"))
    assert proof.equal, [*proof.skipped.values(), *map(str, proof.first.values())]
    assert proof.spikes_compared > 100


def test_convolutions_need_an_image() -> None:
    with pytest.raises(LapilliError, match=r"conv: needs an input of \(channels, rows, columns\), got \(7,\)"):
        SlayerNetwork(PLAIN, 7, 3)
