"""One time step: the module in evaluation mode is the exported network, in every map, window and voltage."""

from typing import get_args

import numpy as np
import pytest
import torch
from one_step_cases import SMALL, random_images, random_module, random_options

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.simulators import run
from lapilli.training.exported.backends import module_backend
from lapilli.training.exported.one_step_backend import image_windows, layer_values
from lapilli.training.networks.one_step.config import Fusion, OneStepConfig
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.time import slayer_input


def assert_same(module, images):
    """On reference and fast: all that layers send in the steps of an image, voltages in all; returns what they send."""
    network = module.export()
    n_steps = 1 + module.depth
    kinds = {layer.name: {"spikes"} for layer in network.layers} | {network.output.name: {"spikes", "voltage"}}
    expected = layer_values(module, images, network, n_steps)
    for backend in ("reference", "fast"):
        result = run(network, images, backend, n_steps=n_steps, record=kinds)
        for name, window in image_windows(module).items():
            sent = result.recordings[name].spikes.to_dense().reshape(len(images), -1, n_steps)[..., window]
            assert np.array_equal(sent, expected[name].values), (backend, name)
            assert window.start == expected[name].first
        answered = result.recordings[network.output.name].voltage[..., -1]
        assert np.array_equal(answered, expected[network.output.name].values[..., 0]), backend
    assert network.depth == module.depth
    return {name: sent.values for name, sent in expected.items()}


@pytest.mark.parametrize("seed", range(16))
def test_module_and_reference_are_equal_for_random_options(seed):
    module = random_module(OneStepConfig(**SMALL, **random_options(seed)), seed)
    assert_same(module, random_images(module, seed=seed))


@pytest.mark.parametrize("fusion", get_args(Fusion))
@pytest.mark.parametrize("form", ["mixed", "strict"])
def test_module_and_reference_are_equal_for_every_fusion(fusion, form):
    module = random_module(OneStepConfig(**SMALL, fusion=fusion, form=form), 3)
    sent = assert_same(module, random_images(module, seed=3))
    for name, values in sent.items():
        assert values.any(), name


def test_images_of_32_pixels_have_dilated_windows_on_each_stage_that_can_have_them():
    config = OneStepConfig(widths=(4, 4, 4, 4), depths=(2, 2, 2, 2))
    module = random_module(config, 1, side=32)
    dilated = {node.name: node.windows.dilated for node in module.nodes if node.windows is not None}
    assert [dilated[f"s{stage}b1_conv1"] for stage in range(4)] == [True, True, True, False]
    assert not any(dilated[f"s{stage}b0_conv1"] for stage in range(4))
    assert_same(module, random_images(module, 1))


@pytest.mark.parametrize("options", [{}, {"form": "strict", "norm": "none"}, {"fusion": "tanh", "join": "median"}])
def test_a_trained_module_and_reference_are_equal(options):
    torch.manual_seed(0)
    module = OneStepNetwork(OneStepConfig(**SMALL, **options), (3, 16, 16), 5)
    optimiser = torch.optim.AdamW(module.parameters(), 0.01)
    images = random_images(module, 8)
    for step in range(4):
        module.begin_epoch(step, 4)
        optimiser.zero_grad()
        logits = module.train()(slayer_input(images, 2)).sum(-1)
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(images.labels)).backward()
        optimiser.step()
    assert_same(module.eval(), images)
    moved = [name for name, parameter in module.named_parameters() if parameter.grad is None]
    assert not moved


def test_the_last_epochs_train_on_what_evaluation_computes():
    module = random_module(OneStepConfig(**SMALL), 2)
    values = slayer_input(random_images(module, 3), 2)
    expected = module.eval()(values)
    module.train().begin_epoch(9, 10)
    assert torch.equal(module(values), expected)
    module.begin_epoch(0, 10)
    assert not torch.equal(module(values), expected)


def test_the_module_decides_as_the_network():
    module = random_module(OneStepConfig(**SMALL))
    images, network = random_images(module, 6), module.export()
    record = {network.output.name: {"voltage"}}
    voltages = [
        run(network, images, backend, n_steps=1 + module.depth, record=record).recordings[network.output.name].voltage
        for backend in ("reference", module_backend(module))
    ]
    assert np.array_equal(voltages[0], voltages[1])
    with torch.no_grad():
        scores = module(slayer_input(images, 2)).sum(-1)
    assert np.array_equal(voltages[0][..., -1].argmax(1), scores.argmax(1))


def test_more_steps_than_one_image_has_are_refused():
    module = random_module(OneStepConfig(**SMALL))
    with pytest.raises(UnsupportedError, match="n_steps: must be at most"):
        run(module.export(), random_images(module), module_backend(module), n_steps=module.depth + 5)


def test_an_ann_is_trained_but_not_exported():
    module = OneStepNetwork(OneStepConfig(**SMALL, form="ann"), (3, 16, 16), 5)
    values = slayer_input(random_images(module, 3), 2)
    module.train()(values).square().sum().backward()
    with torch.no_grad():
        costs = module.eval().costs(values, module.answers(values))
    assert costs.spikes == 0
    assert costs.operations > 0
    with pytest.raises(UnsupportedError, match=r"network.form: ann is in floating point"):
        module.export()


@pytest.mark.parametrize("form", ["mixed", "strict"])
def test_the_code_s_projection_is_trained_but_not_exported(form):
    module = random_module(OneStepConfig(**SMALL, form=form, omega_form="code"), 3)
    values = slayer_input(random_images(module, 3), 2)
    paper = random_module(OneStepConfig(**SMALL, form=form), 3)
    code, product = (found.sent(values)["s0b0_conv2"].potential for found in (module, paper))
    assert torch.equal(code[0], product[0])
    assert not torch.equal(code[1:], product[1:])
    module.train()(values).square().sum().backward()
    assert module.weighted("s0b0_conv1").weight.grad.any()
    with pytest.raises(UnsupportedError, match=r"network.omega_form: code is in floating point"):
        module.export()


@pytest.mark.parametrize("options", [{}, {"form": "strict", "groups": 2}])
def test_costs_are_the_operations_of_the_exported_network(options):
    module = random_module(OneStepConfig(**SMALL, **options), 5)
    images, network = random_images(module, 3), module.export()
    values = slayer_input(images, 2)
    with torch.no_grad():
        found = module.costs(values, module.answers(values))
    sent = {name: placed.values for name, placed in layer_values(module, images, network, 1 + module.depth).items()}
    events = {name: (of_layer != 0).sum((0, -1)).reshape(-1) for name, of_layer in sent.items()}
    events["input"] = (images.to_dense() != 0).sum((0, -1)).reshape(-1)
    operations = sum(
        int((events[synapse.source] * synapse.fan_out(network.shapes[synapse.source], layer.shape)).sum())
        for layer in network.layers
        for synapse in layer.synapses
    )
    assert found.operations.item() == pytest.approx(operations / 3)
    assert found.spikes.item() == pytest.approx(sum(int(events[node.name].sum()) for node in module.nodes[:-1]) / 3)


def test_bernoulli_encoders_draw_in_training_alone():
    module = random_module(OneStepConfig(**SMALL, encoder="bernoulli", norm="none"), 4)
    values = slayer_input(random_images(module, 2), 2)
    assert torch.equal(module(values), module(values))
    assert_same(module, random_images(module))
    module.train()
    assert not torch.equal(module(values), module(values))


def test_without_a_gradient_through_the_encoder_the_residual_path_still_trains():
    module = random_module(OneStepConfig(**SMALL, encoder_gradient=False), 4).train()
    module(slayer_input(random_images(module, 2), 2)).square().sum().backward()
    assert module.weighted("stem").weight.grad.abs().sum() > 0


def test_images_of_another_shape_are_refused():
    config = OneStepConfig(**SMALL)
    with pytest.raises(LapilliError, match=r"images of shape \(channels, side, side\)"):
        OneStepNetwork(config, (3, 16, 12), 5)
    with pytest.raises(LapilliError, match="2 stages need a side divisible by 4, got 18"):
        OneStepNetwork(config, (3, 18, 18), 5)
    with pytest.raises(LapilliError, match="block s0b0 cannot cut a map of side 7 into 4 windows"):
        OneStepNetwork(OneStepConfig(widths=(4,), depths=(1,)), (3, 14, 14), 5)
    module = OneStepNetwork(config, (3, 16, 16), 5)
    with pytest.raises(LapilliError, match=r"needs images of shape \(3, 16, 16\) in frame 1, got \(3, 8, 8\) in 2"):
        module(torch.zeros(1, 3, 8, 8, 2))
