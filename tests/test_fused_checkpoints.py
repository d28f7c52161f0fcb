"""What fused blocks keep for the way back: chunks of steps that run again, events as bits."""

from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import slayer_forbidden, there_and_back
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.blocks import block_module
from lapilli.training.fused import Bias
from lapilli.training.fused.events import KeptEvents, input_events
from lapilli.training.networks.slayer import slayer

OURS = block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}
STEPS = 31


def built(kind: str, neuron: dict[str, Any], options: dict[str, Any], steps: int | None) -> Any:
    torch.manual_seed(1)
    options = options | {"weight_scale": 5, "checkpoint_steps": steps}
    if kind == "Conv":
        return OURS.Conv(STANDARD | neuron, 2, 7, 3, **options)
    if kind == "MultiDense":
        return OURS.MultiDense(STANDARD | neuron, [12, 8], 70, **options)
    return getattr(OURS, kind)(STANDARD | neuron, 20, 70, **options)


def batch(kind: str) -> torch.Tensor:
    shape = (9, 2, 6, 5, STEPS) if kind == "Conv" else (9, 20, STEPS)
    return torch.tensor(np.random.default_rng(2).random(shape) < 0.08, dtype=torch.float32)


def biased() -> Bias:
    bias = Bias(70)
    bias.shift.data = torch.linspace(-0.2, 0.2, 70)
    return bias


CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "dense": ("Dense", {}, {}),
    "dense, everything learns": ("Dense", {"requires_grad": True, "norm": biased}, {"delay": True}),
    "dense, states persist": ("Dense", {"persistent_state": True}, {"delay_shift": False}),
    "readout, decays learn": ("Affine", {"requires_grad": True, "shared_param": False}, {}),
    "recurrent": ("Recurrent", {}, {}),
    "recurrent, dropout": ("Recurrent", {"dropout": 0.5}, {"delay": True}),
    "recurrent, through the state": ("Recurrent", {"requires_grad": True, "norm": biased}, {"through_state": True}),
    "convolution": ("Conv", {}, {}),
    "convolution, decays learn": ("Conv", {"requires_grad": True}, {}),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("steps", [1, 7, 30, STEPS, 1000])
@pytest.mark.parametrize("name", CASES)
def test_chunks_change_no_bit(name: str, steps: int, threads: int) -> None:
    kind, neuron, options = CASES[name]
    found = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for checkpoint_steps in (0, steps):
            dropped = {"dropout": slayer.neuron.Dropout(neuron["dropout"])} if "dropout" in neuron else {}
            with slayer_forbidden():
                found.append(there_and_back(built(kind, neuron | dropped, options, checkpoint_steps), batch(kind), 3))
    finally:
        torch.set_num_threads(before)
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])
    assert float(found[0]["output 0"].detach().abs().sum()) > 0


def test_chunks_of_several_inputs_change_no_bit() -> None:
    gradients = []
    for steps in (0, 7):
        block = built("MultiDense", {}, {}, steps)
        values = batch("Dense").requires_grad_()
        block([values[:, :12], values[:, 12:]]).sum().backward()
        gradients.append((values.grad, *(part.grad for part in block.parameters() if part.grad is not None)))
    assert len(gradients[0]) == 3
    assert all(torch.equal(*pair) for pair in zip(*gradients))


def kept_bytes(block: Any, values: torch.Tensor) -> int:
    """Bytes of what the block keeps for the way back, its parameters apart."""
    total = 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        block(values)
    return total - sum(4 * part.numel() for part in block.parameters())


@pytest.mark.parametrize("kind", ["Dense", "Recurrent", "Conv"])
def test_chunks_keep_less(kind: str) -> None:
    values = torch.cat([batch(kind)] * 10, -1)
    every, some = (kept_bytes(built(kind, {}, {}, steps), values) for steps in (0, 31))
    neurons = 9 * (7 * 4 * 3 if kind == "Conv" else 70)
    assert every - some == neurons * (3 * 310 - 8 * 10)


def test_the_environment_variable_is_for_blocks_without_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    values = batch("Dense")
    every, some = (kept_bytes(built("Dense", {}, {}, steps), values) for steps in (0, 10))
    monkeypatch.setenv("LAPILLI_CHECKPOINT_STEPS", "10")
    assert kept_bytes(built("Dense", {}, {}, None), values) == some
    assert kept_bytes(built("Dense", {}, {}, 0), values) == every
    monkeypatch.setenv("LAPILLI_CHECKPOINT_STEPS", "ten")
    with pytest.raises(
        LapilliError, match="LAPILLI_CHECKPOINT_STEPS: must be a number of steps, at least 0, got 'ten'"
    ):
        built("Dense", {}, {}, None)(values)


@settings(max_examples=60)
@given(
    samples=st.integers(1, 3),
    channels=st.integers(1, 200),
    steps=st.integers(1, 20),
    density=st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0]),
    graded=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_kept_events_are_the_same(
    samples: int, channels: int, steps: int, density: float, graded: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    values = (generator.random((samples, channels, steps)) < density) * (2.0 if graded else 1.0)
    events = input_events(torch.tensor(values, dtype=torch.float32), channels, 1.0)
    if events is None:
        assert graded
        return
    kept = KeptEvents.of(events)
    again = kept.events()
    assert all(torch.equal(getattr(events, name), getattr(again, name)) for name in ("starts", "sources", "graded"))
    for sample in range(samples):
        one, expected = kept.of_sample(sample), events.of_sample(sample)
        for step in range(steps):
            mine, theirs = (
                part.sources[int(part.starts[step]) : int(part.starts[step + 1])] for part in (one, expected)
            )
            assert torch.equal(mine, theirs)


def test_many_events_are_kept_as_bits() -> None:
    values = torch.ones(2, 64, 10)
    events = input_events(values, 64, 1.0)
    assert events is not None
    assert sum(part.numel() * part.element_size() for part in KeptEvents.of(events).tensors) == values.numel() // 8
