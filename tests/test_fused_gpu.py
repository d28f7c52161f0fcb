"""Blocks on a GPU against SLAYER's, on Triton's interpreter: spikes and voltages bit for bit, gradients, states."""

import os
import subprocess
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import require_same, slayer_forbidden, there_and_back, to_rest, watch_magnitudes
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_fused_dynamics import Case, batch, built, cases
from triton_interpreter import gpu_in_place_of_cpu

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.blocks import block_module, multi
from lapilli.training.fused import Bias
from lapilli.training.fused.arrivals import Arrivals
from lapilli.training.fused.gpu.machine import gpu_dynamics
from lapilli.training.fused.gpu.neurons import run_neurons
from lapilli.training.fused.gpu.products import full_precision
from lapilli.training.networks.slayer import slayer

THEIRS, OURS = slayer.block.cuba, block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}


def require_equal(ours: Any, theirs: Any, values: torch.Tensor, seed: int) -> None:
    """Ours must be the same, and must run on the kernels unless states leave single precision, which it must say."""
    magnitudes = watch_magnitudes(theirs.neuron)
    expected = there_and_back(theirs, values, seed)
    exact = max(magnitudes) < 1 << 24
    told = pytest.warns(RuntimeWarning, match=r"a state of 2\^24 units or more")
    with gpu_in_place_of_cpu(), slayer_forbidden() if exact else told:
        found = there_and_back(ours, values, seed)
    require_same(found, expected)


def compare(case: Case) -> None:
    theirs, ours = built(THEIRS, case), built(OURS, case)
    if case.kind == "Recurrent":
        theirs.register_forward_pre_hook(lambda block, _: to_rest(block))
        theirs.register_forward_hook(lambda block, *_: to_rest(block))
    require_equal(ours, theirs, batch(case), case.seed)


def needs_no_extension(case: Case) -> bool:
    shifts = case.block.get("delay_shift", case.kind != "Affine")
    return not (case.neuron.get("persistent_state") and shifts and case.kind == "Dense")


@pytest.mark.slow
@settings(max_examples=12)
@given(cases().filter(needs_no_extension))
@example(Case("Dense", n_neurons=90, n_steps=40))
@example(Case("Dense", n_steps=1, density=1.0))
@example(Case("Dense", {}, {"delay": True}, longest_delay=62, n_steps=40, dropout=0.5))
@example(Case("Dense", {"scale": 1}, {"weight_scale": 20000}, n_steps=40, density=1.0))
@example(Case("Dense", {"persistent_state": True}, {"delay_shift": False, "delay": True}, longest_delay=3))
@example(Case("Recurrent", {}, {"weight_scale": 3, "delay": True}, longest_delay=5, dropout=0.5))
@example(Case("Recurrent", {"requires_grad": True}, {"weight_scale": 5}, n_neurons=64, n_steps=30, density=0.5))
@example(Case("Affine", {"requires_grad": True, "shared_param": False}, {"weight_norm": True}))
def test_blocks_equal_slayer(case: Case) -> None:
    compare(case)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Dense", "Recurrent"])
def test_many_steps_equal_slayer(kind: str) -> None:
    compare(Case(kind, block={"weight_scale": 4}, n_steps=300, n_inputs=30, density=0.1))


def test_a_voltage_of_exactly_the_threshold_neither_spikes_nor_resets() -> None:
    """As in SLAYER's code for CPUs; its CUDA extension resets there."""
    least = 4097
    units = torch.arange(least - 4, least + 4, dtype=torch.float32)
    # What stays below the threshold reaches it in the second step.
    arriving = torch.stack([units, least - units, torch.zeros(8)], -1)[None] / 4096
    block = OURS.Dense(STANDARD | {"current_decay": 1.0, "voltage_decay": 0.0}, 4, 8, delay_shift=False)
    with gpu_in_place_of_cpu():
        spikes = run_neurons(block, Arrivals.of_numbers(arriving))
    assert spikes is not None
    assert torch.equal(spikes, block.neuron(arriving))
    assert spikes[0].tolist() == [[0.0, 1.0, 0.0]] * 4 + [[1.0, 0.0, 0.0]] * 4


def test_a_recurrent_block_is_on_a_gpu_as_on_a_cpu() -> None:
    """With the gradient through the state too, which SLAYER does not have."""
    found = []
    for place in (nullcontext(), gpu_in_place_of_cpu()):
        block = built(OURS, Case("Recurrent", {"requires_grad": True}, {"weight_scale": 4, "through_state": True}))
        with place, slayer_forbidden():
            found.append(there_and_back(block, batch(Case("Recurrent", density=0.1)), 0))
    require_same(found[1], found[0])
    assert found[0]["gradient 0 of neuron.current_decay"].abs().max() > 0


@pytest.mark.slow
@settings(max_examples=12)
@given(data=st.data())
def test_convolutions_equal_slayer(data: st.DataObject) -> None:
    groups = data.draw(st.sampled_from([1, 1, 2]))
    inputs, outputs = (groups * data.draw(st.integers(1, 3)) for _ in range(2))
    pair = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
    sizes = {"stride": data.draw(pair), "padding": data.draw(st.integers(0, 2)), "groups": groups}
    sizes |= {"weight_scale": 5, "delay": data.draw(st.booleans())}
    dropout = {"dropout": slayer.neuron.Dropout(0.3)} if data.draw(st.booleans()) else {}
    neuron = STANDARD | {"requires_grad": data.draw(st.booleans())} | dropout
    kernel, dilation = data.draw(pair), data.draw(st.integers(1, 2))
    blocks = []
    for module in (OURS, THEIRS):
        torch.manual_seed(1)
        blocks.append(module.Conv(dict(neuron), inputs, outputs, kernel, dilation=dilation, **sizes))
    shape = (2, inputs, data.draw(st.integers(6, 8)), data.draw(st.integers(6, 8)), 8)
    seed = data.draw(st.integers(0, 2**31))
    values = torch.tensor(np.random.default_rng(seed).random(shape) < data.draw(st.sampled_from([0.05, 0.4])))
    require_equal(blocks[0], blocks[1], values.float(), seed)


def networks() -> list[torch.nn.Sequential]:
    found = []
    for module in (OURS, THEIRS):
        torch.manual_seed(0)
        first = module.Conv(dict(STANDARD), 2, 4, 3, padding=1, weight_scale=5)
        middle = [module.Pool(dict(STANDARD), 2, weight_scale=2), module.Conv(dict(STANDARD), 4, 3, 2, weight_scale=6)]
        last = module.Affine(dict(STANDARD), 12, 4)
        found.append(torch.nn.Sequential(first, *middle, module.Flatten(), last))
    return found


def test_a_network_of_images_equals_slayers() -> None:
    values = torch.tensor(np.random.default_rng(0).random((2, 2, 6, 6, 12)) < 0.3).float()
    ours, theirs = networks()
    expected = there_and_back(theirs, values, 0)
    with gpu_in_place_of_cpu(), slayer_forbidden():
        found = there_and_back(ours, values, 0)
    require_same(found, expected)


@pytest.mark.parametrize("delay", [False, True])
def test_layers_that_read_several_equal_slayer(delay: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise AssertionError("SLAYER's code ran")

    generator = np.random.default_rng(4)
    inputs = [torch.tensor(generator.random((2, n, 15)) < 0.3).float() for n in (7, 4)]
    images = [torch.tensor(generator.random((2, n, 6, 5, 9)) < 0.3).float() for n in (2, 1)]
    sources = [{"in_features": 2, "kernel_size": 3}, {"in_features": 1, "kernel_size": 2, "dilation": 2}]
    found = []
    places: dict[Any, Any] = {"slayer": nullcontext(), "fused": gpu_in_place_of_cpu()}
    for dynamics, place in places.items():
        torch.manual_seed(5)
        module = block_module(dynamics)
        dense = module.MultiDense(dict(STANDARD), (7, 4), 6, weight_scale=4, delay=delay)
        conv = module.MultiConv(dict(STANDARD), sources, 3, weight_scale=4, delay=delay)
        if dynamics == "fused":
            monkeypatch.setattr(multi._SlayerMulti, "forward", forbidden)
        with place:
            outs = [dense(inputs), conv(images)]
            (outs[0].sum() + (outs[1] * torch.arange(9.0)).sum()).backward()
        gradients = {
            f"gradient of {name} {i}": part.grad
            for i, block in enumerate((dense, conv))
            for name, part in block.named_parameters()
            if part.grad is not None
        }
        found.append({"dense": outs[0].detach(), "conv": outs[1].detach()} | gradients)
    require_same(found[1], found[0])


@pytest.mark.parametrize("norm", ["bias", "mean", "scaled"])
@pytest.mark.parametrize("training", [False, True])
def test_normalised_blocks_equal_slayer(norm: str, training: bool) -> None:
    def bias() -> Bias:
        found = Bias(9)
        found.shift.data = torch.linspace(-0.3, 0.4, 9)
        return found

    norms = {"bias": bias, "mean": slayer.neuron.norm.MeanOnlyBatchNorm, "scaled": slayer.neuron.norm.WgtScaleBatchNorm}
    blocks = []
    for module in (OURS, THEIRS):
        torch.manual_seed(2)
        neuron = STANDARD | {"norm": norms[norm], "requires_grad": True, "persistent_state": True}
        block = module.Dense(neuron, 15, 9, weight_scale=5, delay_shift=False)
        if norm != "bias":
            block.neuron.norm.running_mean = torch.linspace(-0.3, 0.3, 9)
        blocks.append(block.train(training))
    require_equal(blocks[0], blocks[1], batch(Case("Dense", n_inputs=15)), 3)


def test_everything_is_made_where_the_batch_is() -> None:
    """What does not say where it is to be made has no numbers here, and kernels refuse it."""
    case = Case("Recurrent", {"requires_grad": True}, {"weight_scale": 4, "delay": True}, longest_delay=3, dropout=0.5)
    values = batch(case)
    block = built(OURS, case)
    with gpu_in_place_of_cpu(), slayer_forbidden():
        block(values)
        network = networks()[0]
        network(torch.ones(1, 2, 6, 6, 3))
        images = torch.ones(1, 2, 6, 6, 3)
        for module, arriving in ((block, values), (network, images)):
            with torch.device("meta"):
                out = module(arriving)
                assert out.device == values.device
            # Not in there: torch makes the first gradient itself.
            gradient = torch.ones_like(out)
            with torch.device("meta"):
                out.backward(gradient)
            assert all(part.grad is None or part.grad.device == values.device for part in module.parameters())


def test_products_do_not_use_tf32_and_settings_stay() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.enabled
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.enabled
    finally:
        torch.set_float32_matmul_precision(before)


def test_patches_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.tensor(np.random.default_rng(0).random((2, 2, 6, 6, 5)) < 0.3).float()
    found = []
    for limit in (1 << 20, 1):
        monkeypatch.setattr("lapilli.training.fused.gpu.products.PATCHES", limit)
        with gpu_in_place_of_cpu(), slayer_forbidden():
            found.append(there_and_back(networks()[0], values, 0))
    require_same(found[1], found[0])


REFUSED = {
    "graded spikes": {"graded_spike": True},
    "a state that persists, with a shift by a step": {"persistent_state": True},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_kernels_do_not_compute_is_said_once(reason: str) -> None:
    block = OURS.Dense(STANDARD | REFUSED[reason], 4, 3)
    message = f"training on a GPU: {reason}: SLAYER's CUDA extension runs"
    # SLAYER's own gradient fails for the second.
    with gpu_in_place_of_cpu(), torch.no_grad():
        with pytest.warns(RuntimeWarning, match=message):
            block(torch.ones(1, 4, 5))
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            block(torch.ones(1, 4, 5))
        with slayer_forbidden(), pytest.raises(AssertionError, match="ran SLAYER's code"):
            block(torch.ones(1, 4, 5))


def test_without_nvcc_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    block = OURS.Dense(STANDARD | {"graded_spike": True}, 4, 3)
    with gpu_in_place_of_cpu():
        monkeypatch.setattr("torch.utils.cpp_extension.CUDA_HOME", None)
        with pytest.raises(UnsupportedError, match=r"graded spikes: only SLAYER's CUDA extension .* needs nvcc"):
            block(torch.ones(1, 4, 5))


def test_without_triton_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    block = OURS.Dense(dict(STANDARD), 4, 3)
    with gpu_in_place_of_cpu():
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.warns(RuntimeWarning, match="Triton is not installed"):
            block(torch.ones(1, 4, 5))


def test_what_a_gpu_would_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_dynamics("fused") == "lapilli's Triton kernels; no CUDA device here"
    monkeypatch.setattr("torch.utils.cpp_extension.CUDA_HOME", None)
    assert gpu_dynamics("slayer") == "SLAYER's CUDA extension, which needs nvcc: not found; no CUDA device here"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("torch.utils.cpp_extension.CUDA_HOME", "/cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert gpu_dynamics("fused") == "SLAYER's CUDA extension (Triton is not installed); a GPU"


def test_a_delay_that_is_no_number_leaves_it_to_slayer() -> None:
    block = OURS.Dense(dict(STANDARD), 4, 3, delay=True)
    block.delay.delay.data = torch.tensor([1.0, float("nan"), 2.0])
    block.delay.init = True
    told = pytest.warns(RuntimeWarning, match="a decay or delay out of its range")
    with gpu_in_place_of_cpu(), told, pytest.raises(ValueError, match="NaN"):
        block(torch.ones(1, 4, 5))


@pytest.mark.slow
def test_kernels_compile_for_gpus() -> None:
    """In a process of its own: in this one they are interpreted."""
    script = Path(__file__).with_name("triton_compiled.py")
    environment = os.environ | {"PYTHONPATH": str(script.parents[1])}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    forms = {"forward": 14, "backward": 20, "float_lif": 4, "integer_lif": 4, "lif_back": 4, "dropped": 1}
    forms |= {"attend": 2, "attend_back": 2, "attend_decay": 1}
    assert set(done.stdout.splitlines()) == {f"{name}: {number} forms" for name, number in forms.items()}
