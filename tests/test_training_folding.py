"""Batch normalisation and learned thresholds folded into integers: what is trained is what is exported."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from of_kind import of_kind
from torch.autograd.gradcheck import gradcheck

from lapilli.netx_exports import DenseSynapse, LapilliError, load, save
from lapilli.netx_exports.netx.stock import is_plain
from lapilli.simulators import Events, prove, run
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.networks.folding import FoldedBatchNorm, clipped_share, currents, input_synapses
from lapilli.training.networks.network import ConvConfig, NetworkConfig, SlayerNetwork, depth
from lapilli.training.networks.operations import costs
from lapilli.training.networks.time import slayer_input

FLAT, IMAGE = (7,), (2, 8, 8)
NORMED = NetworkConfig(hidden=(9, 8), batch_norm=True, norm_scale=0.7)
CONVOLUTIONS = (ConvConfig(4, pool=2), ConvConfig(6, groups=2), ConvConfig(4, stride=2, skip=1))
VARIANTS = {
    "dense": (NORMED, FLAT),
    "fine biases": (replace(NORMED, bias_exp=0), FLAT),
    "recurrent": (replace(NORMED, recurrent=True, through_state=True), FLAT),
    "recurrent with delays and own decays": (
        replace(NORMED, recurrent=True, delays=4, current_decay_range=(0.1, 0.9), bias_exp=0),
        FLAT,
    ),
    "dense with delays and skips": (replace(NORMED, hidden=(9, 8, 7), delays=4, hidden_skips=True), FLAT),
    "no memory of the current": (replace(NORMED, current_decay=1.0), FLAT),
    "convolutions": (replace(NORMED, conv=CONVOLUTIONS, hidden=(9,), current_decay=0.5), IMAGE),
    "aligned skips": (replace(NORMED, conv=CONVOLUTIONS, aligned_skips=True, bias_exp=2), IMAGE),
    "learned threshold": (NetworkConfig(hidden=(9, 8), learn_threshold=True, hidden_weight_scale=6.0), FLAT),
    "learned threshold, recurrent, counting": (
        NetworkConfig(
            hidden=(9,),
            recurrent=True,
            learn_threshold=True,
            readout="spike_count",
            hidden_weight_scale=6.0,
            readout_weight_scale=5.0,
        ),
        FLAT,
    ),
    "learned threshold, convolutions": (
        NetworkConfig(conv=CONVOLUTIONS, hidden=(9,), learn_threshold=True, hidden_weight_scale=5.0),
        IMAGE,
    ),
}


def events(shape: tuple[int, ...], seed: int, n_samples: int = 8) -> Events:
    dense = np.random.default_rng(seed).random((n_samples, *shape, 20)) < 0.3
    return Events.from_dense(dense.astype(int), np.arange(n_samples) % 3)


def trained(name: str, steps: int = 6) -> SlayerNetwork:
    config, shape = VARIANTS[name]
    torch.manual_seed(0)
    module = SlayerNetwork(config, shape, 3)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.03)
    batch = events(shape, 1)
    values, labels = slayer_input(batch, 20 + depth(config)), torch.from_numpy(np.asarray(batch.labels))
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(values).mean(-1), labels).backward()
        optimizer.step()
    return module


@pytest.mark.parametrize("name", VARIANTS)
def test_the_exported_network_does_what_was_trained(name: str) -> None:
    module, tested = trained(name), events(VARIANTS[name][1], 2)
    network = module.export()
    backends: dict[str, Any] = {"reference": "reference", "fast": "fast", "slayer": SlayerBackend(module)}
    proof = prove(network, tested, backends)
    assert proof.equal, [str(difference) for difference in proof.first.values()]
    assert proof.spikes_compared > 100
    if module.config.batch_norm:
        assert all(layer.neuron.has_bias for layer in network.layers[:-1] if "pool" not in layer.name)
    decided = [
        decide(run(network, tested, backend, record=needed_recording(network)), network).tolist()
        for backend in backends.values()
    ]
    assert decided[0] == decided[1] == decided[2]


@pytest.mark.parametrize("name", VARIANTS)
def test_evaluation_on_fused_kernels_sends_what_the_exported_network_sends(name: str) -> None:
    module, tested = trained(name).eval(), events(VARIANTS[name][1], 3)
    n_steps = 20 + depth(module.config)
    values = slayer_input(tested, n_steps)
    with torch.no_grad():
        answers = module.answers(values)
        found = costs(module.blocks, values, answers)
    network = module.export()
    hidden = [layer.name for layer in network.layers[:-1]]
    result = run(network, tested, "reference", n_steps=n_steps, record={name: ["spikes"] for name in hidden})
    for layer, answer in zip(hidden, answers):
        recorded = result.recordings[layer].spikes
        assert recorded is not None
        assert np.array_equal(recorded.to_dense(), answer.numpy()), layer
    assert float(found.operations) == result.counts.synapse_ops.sum() / len(tested)
    assert float(found.spikes) == result.counts.sent[:, 1:].sum() / len(tested)


@pytest.mark.parametrize("name", [name for name in VARIANTS if "threshold" not in name])
def test_batches_are_normalised_by_their_own_statistics(name: str) -> None:
    """With the running values of this very batch, evaluation gives what training gave."""
    module = trained(name)
    values = slayer_input(events(VARIANTS[name][1], 4), 26)
    for block in module.blocks:
        if isinstance(getattr(getattr(block, "neuron", None), "norm", None), FoldedBatchNorm):
            block.neuron.norm.momentum = 1.0
    with torch.no_grad():
        training = module.train()(values)
        assert torch.equal(module.eval()(values), training)


def test_the_current_that_is_normalised_has_the_mean_and_deviation_that_were_learned() -> None:
    module = trained("no memory of the current")
    block, values = module.blocks[0], slayer_input(events(FLAT, 5), 40)
    norm = block.neuron.norm
    with torch.no_grad(), norm.of_batch(currents(input_synapses(block), block.neuron, [values])):
        current = currents(input_synapses(block), block.neuron, [values]) * norm.factor
        bias = norm.shift - norm._statistics[0] * norm.factor
        assert (norm.quantised - bias).abs().max() <= norm.step / 2
        drive = (current + bias).flatten(0, 1)
    assert torch.allclose(drive.mean(0), norm.shift, atol=1e-4)
    assert torch.allclose(drive.std(0), norm.scale, rtol=0.02)


def test_currents_are_those_of_the_neurons() -> None:
    """Where the weights need no rounding and have no scale, up to the rounding of decays."""
    torch.manual_seed(0)
    config = NetworkConfig(hidden=(9,), batch_norm=True, current_decay_range=(0.1, 0.9))
    module = SlayerNetwork(config, FLAT, 3).eval()
    block, values = module.blocks[0], slayer_input(events(FLAT, 6), 30)
    with torch.no_grad():
        synapse, norm = block.synapse, block.neuron.norm
        synapse.weight_raw.copy_((synapse.weight_raw * 32).round() / 32)
        norm.running_var.fill_(1 - 1e-3)
        ours = currents([synapse], block.neuron, [values]).transpose(1, 2)
        current, _ = block.neuron.dynamics(synapse(values))
        current = current - norm.quantised.reshape(-1, 1)
    assert (ours - current).abs().max() < 10 / 4096 * 4


def test_gradients_through_the_batch_are_those_of_differences() -> None:
    torch.manual_seed(0)
    norm = FoldedBatchNorm(3, 0.5).double()
    norm.shift.data = torch.rand(3, dtype=torch.float64)

    def folded(currents: torch.Tensor) -> torch.Tensor:
        with norm.of_batch(currents):
            return torch.cat([norm.factor, norm.shift - norm._statistics[0] * norm.factor])

    assert gradcheck(folded, (torch.rand(4, 5, 3, dtype=torch.float64, requires_grad=True),))


def test_every_scale_and_shift_learns() -> None:
    for name in VARIANTS:
        module = trained(name, steps=0)
        module(slayer_input(events(VARIANTS[name][1], 7), 26)).square().sum().backward()
        for part, parameter in module.named_parameters():
            if part.endswith(("norm.scale", "norm.shift", "log_gain", "weight_raw")):
                assert parameter.grad is not None, (name, part)
                assert parameter.grad.any(), (name, part)


def test_a_gain_does_what_a_threshold_does() -> None:
    """Twice the weights and twice the threshold: the same spikes."""
    torch.manual_seed(0)
    config = NetworkConfig(hidden=(9,), learn_threshold=True, hidden_weight_scale=3.0, threshold=0.5)
    one = SlayerNetwork(config, FLAT, 3)
    other = SlayerNetwork(replace(config, threshold=1.0), FLAT, 3)
    with torch.no_grad():
        one.blocks[0].synapse.weight_raw.copy_((one.blocks[0].synapse.weight_raw * 32).round() / 32)
        other.load_state_dict(one.state_dict())
        other.blocks[0].gain.log_gain.fill_(float(np.log(2)))
        values = slayer_input(events(FLAT, 8), 30)
        sent = one.answers(values)[0]
        assert sent.any()
        assert torch.equal(other.answers(values)[0], sent)


def test_the_file_is_plain_where_biases_are_as_netx_has_them(tmp_path: Path) -> None:
    for name, plain in (("dense", True), ("fine biases", False), ("learned threshold", True)):
        network = trained(name).export()
        assert is_plain(network) is plain
        save(network, tmp_path / "network.net")
        assert load(tmp_path / "network.net") == network


def test_export_leaves_the_module_as_it_was_and_follows_the_parameters() -> None:
    module = trained("dense")
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    first = module.export()
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    with torch.no_grad():
        module.blocks[0].neuron.norm.running_var *= 0.25
    assert module.export() != first
    fresh = SlayerNetwork(module.config, FLAT, 3)
    fresh.load_state_dict(module.state_dict())
    assert fresh.export() == module.export()


def test_weights_that_are_clipped_are_counted() -> None:
    torch.manual_seed(0)
    module = SlayerNetwork(replace(NORMED, hidden=(9,)), FLAT, 3)
    assert clipped_share(module) == 0.0
    with torch.no_grad():
        module.blocks[0].neuron.norm.scale.fill_(1000.0)
    weights = np.asarray(of_kind(DenseSynapse, module.export().layers[0].synapses[0]).weights)
    assert weights.min() == -256
    assert weights.max() == 254
    # Nearly all of the hidden layer's, none of the readout's.
    assert 0.6 < clipped_share(module) <= 63 / (63 + 27)


def test_a_channel_that_is_never_driven_stays_finite() -> None:
    module = trained("dense", steps=0)
    silent = torch.zeros(4, 7, 20)
    module(silent).sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in module.parameters())
    assert prove(module.export(), events(FLAT, 9), {"fast": "fast", "slayer": SlayerBackend(module)}).equal


@pytest.mark.parametrize("name", VARIANTS)
def test_slayers_own_code_gives_the_same_answers_or_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = trained(name)
    values = slayer_input(events(VARIANTS[name][1], 10), 26)
    monkeypatch.setenv("LAPILLI_DYNAMICS", "slayer")
    if module.config.recurrent and module.config.batch_norm:
        with pytest.raises(LapilliError, match=r"through_state|batch_norm of recurrent layers"):
            SlayerNetwork(module.config, module.input_shape, 3)
        return
    theirs = SlayerNetwork(module.config, module.input_shape, 3)
    theirs.load_state_dict(module.state_dict())
    with torch.no_grad():
        for mode in (False, True):
            ours = module.train(mode).answers(values)
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs.train(mode).answers(values)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bias_exp": 7}, "bias_exp: must be 0…6, got 7"),
        ({"norm_scale": 0.0}, r"norm_scale: must be above 0, got 0\.0"),
        ({"weight_norm": True}, "weight_norm and batch_norm: each learns the scale of the weights, choose one"),
        ({"learn_threshold": True}, "batch_norm and learn_threshold: each learns the scale"),
    ],
)
def test_options_that_mean_nothing_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LapilliError, match=problem):
        SlayerNetwork(replace(NORMED, **change), FLAT, 3)
