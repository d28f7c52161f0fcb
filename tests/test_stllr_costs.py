"""Costs of a training step: memory that does not grow with the steps, and multiplications that torch counts."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from lapilli.netx_exports import LapilliError
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig, UnrolledConfig, ottt
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.studies.stllr import costs
from lapilli.training.studies.stllr.costs import (
    METHODS,
    OneFrame,
    child,
    counted_macs,
    formula_macs,
    kept_steps,
    memory,
    peak_mebibytes,
)


def dense() -> OnlineNetwork:
    return OnlineNetwork(OnlineNetworkConfig(hidden=(7,), recurrent=True), (5,), 3)


def test_counts_are_those_of_the_products() -> None:
    """Running: every connection once in a step. Learning: outer products, and the error of the readout's input."""
    below, recurrent, out, steps, window = 5 * 7, 7 * 7, 7 * 3, 20, 4
    for a_post, terms in ((1.0, 2), (0.0, 1)):
        running, learning = counted_macs(dense(), RuleConfig(a_post=a_post, window=window), steps)
        assert running == steps * (below + recurrent + out)
        assert learning == window * (terms * (below + recurrent) + out + out)
    _, unrolled = counted_macs(dense(), UnrolledConfig(), steps)
    # The error of a recurrent synapse's input goes back in all steps but the first, into which no spikes came.
    assert unrolled == steps * (below + 2 * recurrent + 2 * out) - recurrent


def test_convolutions_are_counted_at_every_place() -> None:
    network = OnlineNetwork(OnlineNetworkConfig(conv=(ConvConfig(4, 3, 2),), hidden=()), (2, 7, 7), 3)
    conv, out = 4 * 2 * 9 * 16, 4 * 16 * 3
    running, learning = counted_macs(network, RuleConfig(window=2), 5)
    assert running == 5 * (conv + out)
    assert learning == 2 * (2 * conv + 2 * out)
    assert formula_macs(network, RuleConfig(window=2), 5) == 3 * 2 * (conv + out)


def test_the_formulas_are_the_publications() -> None:
    connections = 5 * 7 + 7 * 7 + 7 * 3
    assert formula_macs(dense(), UnrolledConfig(), 100) == 2 * 100 * connections
    assert formula_macs(dense(), RuleConfig(window=90), 100) == 3 * 90 * connections
    assert formula_macs(dense(), ottt(window=90), 100) == 2 * 90 * connections
    kept = [kept_steps(method, 100) for method in (UnrolledConfig(), UnrolledConfig(steps=10), RuleConfig(), ottt())]
    assert kept == [100, 10, 2, 1]


def test_with_a_long_window_the_rule_costs_more_than_bptt_and_with_a_short_one_less() -> None:
    network = OnlineNetwork(OnlineNetworkConfig(hidden=(45,), recurrent=True), (70,), 20)
    bptt = counted_macs(network, UnrolledConfig(), 50)[1]
    assert counted_macs(network, RuleConfig(), 50)[1] > 1.3 * bptt
    assert counted_macs(network, RuleConfig(window=5), 50)[1] < 0.2 * bptt


def test_memory_grows_with_the_steps_of_bptt_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "140-128r-20"

    def grown(method: str) -> float:
        return peak_mebibytes(method, name, 512, 100) - peak_mebibytes(method, name, 512, 10)

    # In MiB and not as a ratio: what an allocator keeps differs from process to process by a part of a MiB.
    assert grown("s-tllr") < 0.02 * grown("bptt")
    monkeypatch.setattr(costs, "LIMIT_S", 0.01)
    with pytest.raises(LapilliError, match="memory of s-tllr"):
        peak_mebibytes("s-tllr", name, 1, 5)


def test_ten_times_the_steps_take_the_same_memory_to_five_per_cent() -> None:
    few, many = (peak_mebibytes("s-tllr", "700-450r-20", 1024, steps) for steps in (4, 40))
    assert few > 10
    assert many < 1.05 * few


def test_memory_of_a_method_is_compared_with_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "METHODS", {"ottt": METHODS["ottt"], "bptt": METHODS["bptt"]})
    asked: list[tuple[str, int]] = []

    def peak(method: str, network: str, batch: int, steps: int) -> float:
        asked.append((method, steps))
        if len(asked) == 4:
            raise KeyboardInterrupt
        return {"ottt": 5.0, "bptt": steps / 10}[method]

    monkeypatch.setattr(costs, "peak_mebibytes", peak)
    out = tmp_path / "memory.csv"
    with pytest.raises(KeyboardInterrupt):
        memory(str(out), "140-128r-20", 4, 1)
    memory(str(out), "140-128r-20", 4, 1)
    assert len(asked) == 7, "ottt is not measured again"
    with open(out, newline="") as file:
        rows = [(row["method"], row["steps"], float(row["over_100_steps"])) for row in csv.DictReader(file)]
    assert rows == [
        ("ottt", "100", 1.0), ("ottt", "300", 1.0), ("ottt", "1000", 1.0),
        ("bptt", "100", 1.0), ("bptt", "300", 3.0), ("bptt", "1000", 10.0),
    ]  # fmt: skip


def test_measurements_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="batch and repeats: must be at least 1, got 4 and 0"):
        memory(str(tmp_path / "m.csv"), "140-128r-20", 4, 0)
    with pytest.raises(LapilliError, match="no such step: stdp"):
        child("stdp", "140-128r-20", 1, 5)


def test_the_stream_is_one_frame_again_and_again() -> None:
    stream: Any = OneFrame(3, 4, (2, 5, 5))
    frames = list(stream)
    assert len(frames) == 4
    assert all(frame is frames[0] for frame in frames)
    assert torch.equal(frames[0], next(iter(OneFrame(3, 9, (2, 5, 5)))))
