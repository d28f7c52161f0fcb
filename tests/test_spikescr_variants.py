"""Variants of SpikeSCR's network against what they stand for: token sums, a learned decay, the authors' mixed axes."""

from pathlib import Path
from typing import Any

import numpy as np
import plain_spikescr as plain
import pytest
import torch
from spikescr_cases import random_module, random_samples
from timed_recordings import NAME, register
from training_runs import metrics

from lapilli.netx_exports import LapilliError, SpikeAttention
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig
from lapilli.training.exported.export import load_module
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.parameter_groups import parameter_groups
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.functions.dropout import NO_DROPOUT
from lapilli.training.networks.spikescr.functions.firing import Surrogate
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.spikescr.rotary import ROTARY_UNIT, rotary_table
from lapilli.training.networks.time import slayer_input
from lapilli.training.recipes.surrogate_gradient import Options, train

SMALL: dict[str, Any] = {"heads": 2, "width": 16, "kernel": 5}


def sent_by(module, samples):
    """What each layer sends, (samples, steps, channels), by its name."""
    with torch.no_grad():
        found = module.answers(slayer_input(samples, module.n_steps + 1))
    return dict(zip((node.name for node in module.nodes), found))


@pytest.mark.parametrize(("look_ahead", "ahead"), [(0, 0), (3, 3), ("full", 17)])
@pytest.mark.parametrize("key_mask", [False, True])
def test_token_sums_are_whole_sequences_at_once(look_ahead, ahead, key_mask):
    """A value passes where the sum of query times key, over all steps that are seen, is at its threshold."""
    config = SpikeScrConfig(**SMALL, attention="v1", look_ahead=look_ahead, key_mask=key_mask)
    let_through = 0.0
    for seed in range(4):
        module = random_module(config, seed)
        samples = random_samples(module, seed=seed)
        sent = sent_by(module, samples)
        together = (sent["qr"] * sent["kr"]).numpy()
        if key_mask:
            together = together * samples.to_dense()[:, -1, :, None]
        steps = np.arange(module.n_steps)
        seen = (steps[None, :] <= steps[:, None] + ahead).astype(float)
        sums = np.einsum("ts,nsc->ntc", seen, together)
        # 1 over the square root of 8 channels of a head, as a threshold in whole numbers.
        expected = sent["v"].numpy() * (sums >= 3)
        assert np.array_equal(sent["attention"].numpy(), expected)
        let_through += expected.sum()
    assert let_through > 0


def test_a_learned_decay_has_its_gradient_and_is_exported():
    config = SpikeScrConfig(**SMALL, blocks=2, memory_decay=40, learn_memory_decay=True)
    module = random_module(config)
    assert {name for name, _ in module.named_parameters() if "decay" in name} == {
        "decays.attention_memory_decay",
        "decays.attention_2_memory_decay",
    }
    with torch.no_grad():
        module.decays["attention_memory_decay"].fill_(123.4)
        module.decays["attention_2_memory_decay"].fill_(-7.0)
    network = module.export()
    neurons = {layer.name: layer.neuron for layer in network.layers}
    decays = {name: neuron.memory_decay for name, neuron in neurons.items() if isinstance(neuron, SpikeAttention)}
    assert decays == {"attention": 123, "attention_2": 0}
    module.train()
    module(slayer_input(random_samples(module), module.n_steps + 1)).square().sum().backward()
    assert all(decay.grad is not None and decay.grad != 0 for decay in module.decays.values())
    # The optimiser moves it in 1/4096, as other decays.
    groups = parameter_groups(module, 0.01, decay_lr=0.1)
    (group,) = (group for group in groups if any(p is module.decays["attention_memory_decay"] for p in group["params"]))
    assert group["lr_factor"] == pytest.approx(0.1 * 4096)
    assert group["weight_decay"] == 0


def test_a_learned_decay_that_stays_is_that_of_the_configuration():
    learned = random_module(SpikeScrConfig(**SMALL, memory_decay=300, learn_memory_decay=True))
    fixed = random_module(SpikeScrConfig(**SMALL, memory_decay=300))
    assert learned.export() == fixed.export()


def mixed(values, heads, surrogate):
    """As the authors' code has it: (samples, heads, steps, d) taken as (steps, samples, channels) for the neurons."""
    samples, steps, width = values.shape
    apart = values.reshape(samples, steps, heads, width // heads).permute(0, 2, 1, 3).contiguous()
    seen = apart.reshape(steps, samples, width)
    threshold = torch.full((width,), float(ROTARY_UNIT), dtype=values.dtype)
    spikes = plain.integer_neurons(seen.permute(1, 0, 2), threshold, surrogate, NO_DROPOUT).permute(1, 0, 2)
    return spikes.reshape(samples, heads, steps, width // heads).permute(0, 2, 1, 3).reshape(samples, steps, width)


@pytest.mark.parametrize("n_samples", [1, 3])
def test_mixed_axes_are_those_of_the_authors_code(n_samples):
    module = random_module(SpikeScrConfig(**SMALL, mixed_axes=True))
    sent = sent_by(module, random_samples(module, n_samples))
    table = rotary_table(module.n_steps, 8).double()
    for name in "qk":
        turned = plain.turned(sent[name].double(), table)
        expected = mixed(turned, 2, Surrogate.atan())
        assert torch.equal(sent[f"{name}r"].double(), expected)
        assert expected.any()
        apart = plain.integer_neurons(turned, torch.full((16,), 128.0), Surrogate.atan(), NO_DROPOUT)
        assert not torch.equal(expected, apart)


def test_with_mixed_axes_an_answer_depends_on_the_other_samples_of_a_batch():
    for mixed_axes in (False, True):
        module = random_module(SpikeScrConfig(**SMALL, mixed_axes=mixed_axes))
        samples = random_samples(module, 3)
        together, alone = sent_by(module, samples), sent_by(module, samples.select([0]))
        assert torch.equal(together["qr"][:1], alone["qr"]) is not mixed_axes


def test_mixed_axes_have_no_exported_network():
    with pytest.raises(UnsupportedError, match=r"network\.mixed_axes: layer 'qr' answers to a sample by the others"):
        random_module(SpikeScrConfig(**SMALL, mixed_axes=True)).export()
    with pytest.raises(LapilliError, match="mixed_axes: is about queries and keys that are turned"):
        SpikeScrConfig(mixed_axes=True, rotary=False)


@pytest.mark.parametrize(
    "given", [{"attention": "v1"}, {"learn_memory_decay": True, "memory_decay": 50}, {"mixed_axes": True}], ids=str
)
def test_variants_are_trained(given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    options = Options(
        data=DataConfig(NAME, Framing(bin_ms=4.0), lines="valid"),
        network=SpikeScrConfig(**SMALL, integer_share=0.5, **given),
        optimizer=OptimizerConfig(max_epochs=2, batch_size=32, lr=0.01, keep="last"),
        loss=LossConfig(gain=20),
    )
    if "mixed_axes" in given:
        with pytest.raises(UnsupportedError, match=r"network\.mixed_axes"):
            train(tmp_path, options, progress=False)
    else:
        train(tmp_path, options, progress=False)
    rows = metrics(tmp_path)
    assert len(rows) == 2
    assert rows[1]["train_loss"] < rows[0]["train_loss"]
    module = load_module(tmp_path)
    assert isinstance(module, SpikeScrNetwork)
    if "learn_memory_decay" in given:
        assert module.decays["attention_memory_decay"].item() != 50
