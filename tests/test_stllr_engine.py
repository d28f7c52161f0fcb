"""The last rungs of the ladder: rounding at random, and the rule in the numbers of Lava's engine."""

from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from of_kind import of_kind

from lapilli.netx_exports import DenseSynapse, LapilliError, load
from lapilli.simulators import Events
from lapilli.simulators.learning import learn
from lapilli.simulators.learning import recorded as recorded_module
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.data.tasks import DataConfig
from lapilli.training.recipes.stllr import OnlineOptimizerConfig, Options, train_stllr
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig
from lapilli.training.stllr.engine import train_on_engine
from lapilli.training.stllr.engine_rule import engine_rule
from lapilli.training.stllr.exported import export
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.rounding import TraceRounding, round_at_random_

NETWORK = OnlineNetworkConfig(hidden=(24,), leak=0.9, readout_leak=0.9, threshold=0.59375, gain=0.125, weight_scale=3.0)
INTEGERS = replace(NETWORK, arithmetic="integer", reset="zero")
RULE = RuleConfig(signal="dfa", psi="triangle", a_post=0.0, l_pre=0.75, l_readout=0.0)


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 150))


@pytest.fixture
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "digits", few_digits)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rounding_at_random_keeps_the_mean_and_gives_neighbours_alone() -> None:
    values = torch.tensor([0.3, -0.3, 1.0, 0.0, 2.9]).repeat(20000, 1)
    before = values.clone()
    round_at_random_(values, 0.5, seeded(0))
    assert torch.equal(values % 0.5, torch.zeros_like(values))
    assert float((values - before).abs().max()) < 0.5
    # Five standard deviations of a mean of 20,000.
    np.testing.assert_allclose(values.mean(0).numpy(), before[0].numpy(), rtol=0, atol=5 * 0.25 / 20000**0.5)
    assert torch.equal(values[:, 2:4], before[:, 2:4]), "multiples stay"


@pytest.mark.parametrize(("kept", "largest"), [(1.0, 10.0), (0.5, 2 - 2**-9), (0.0, 1.0)])
def test_traces_have_so_many_bits(kept: float, largest: float) -> None:
    rounding, spikes = TraceRounding(7, 10, seeded(1)), seeded(2)
    trace, exact = torch.zeros(20000, dtype=torch.float64), torch.zeros(20000, dtype=torch.float64)
    levels: set[int] = set()
    for _ in range(10):
        arriving = (torch.rand(20000, generator=spikes) < 0.7).double()
        trace.mul_(kept).add_(arriving)
        exact.mul_(kept).add_(arriving)
        rounding.apply_(trace, kept, 1.0)
        units = trace * 127 / largest
        np.testing.assert_allclose(units.numpy(), units.round().numpy(), rtol=0, atol=1e-9)
        levels |= set(units.round().int().tolist())
    assert levels <= set(range(128))
    assert len(levels) > (100 if kept == 0.5 else 1)
    # Rounded in every step, ten times at most by a unit, on average by nothing.
    assert abs(float((trace - exact).mean())) < 5 * 10**0.5 * largest / 127 / 20000**0.5


def test_bits_of_traces_and_weights_are_what_learns(small_data: None, tmp_path: Path) -> None:
    options: dict[str, Any] = {"network": INTEGERS, "progress": False}
    rounded = OnlineOptimizerConfig("sgd", 0.1, batch_size=10, max_epochs=2, rounding="random")
    first = train_stllr(tmp_path / "a", optimizer=rounded, method=replace(RULE, trace_bits=7), **options)
    again = train_stllr(tmp_path / "b", optimizer=rounded, method=replace(RULE, trace_bits=7), **options)
    assert first.fingerprint == again.fingerprint
    others: list[dict[str, Any]] = [
        {"optimizer": rounded, "method": RULE},
        {"optimizer": replace(rounded, rounding="nearest"), "method": replace(RULE, trace_bits=7)},
    ]
    for other in others:
        assert train_stllr(tmp_path / str(len(list(tmp_path.iterdir()))), **options, **other).fingerprint != (
            first.fingerprint
        )
    for layer in load(tmp_path / "a" / "model.net").layers:
        weights = np.asarray(of_kind(DenseSynapse, layer.synapses[0]).weights)
        assert not np.any(weights % 2), "8 bits with a sign are even"


def test_random_rounding_is_of_integers(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"optimizer\.rounding: random needs integer arithmetic"):
        train_stllr(tmp_path / "run", network=NETWORK, optimizer=OnlineOptimizerConfig(rounding="random"))
    with pytest.raises(LapilliError, match=r"method\.trace_bits: must be 1…23, got 0"):
        train_stllr(tmp_path / "run", network=NETWORK, method=replace(RULE, trace_bits=0))


def test_a_rate_becomes_the_engines_numbers() -> None:
    """For one spike, Ψ at its peak and a whole error, the engine changes a weight of 64 by `rate` times that."""
    for rate in (0.02, 0.05, 0.3):
        rule = engine_rule(replace(RULE, a_post=0.5), INTEGERS, rate, 20, 4)
        hidden, readout = rule.hidden, rule.readout
        signals = 2.0**-rule.feedback_shift * 126 / (6 / 24) ** 0.5
        causal = -hidden.causal.mantissa * 2.0 ** (hidden.causal.exponent + 7) * hidden.pre_impulse
        assert causal * signals * 127 / 2**17 == pytest.approx(rate * 0.125 * 0.3, rel=0.42)
        non_causal = -hidden.non_causal.mantissa * 2.0 ** (hidden.non_causal.exponent + 7 - hidden.post_shift)
        assert non_causal * signals * 127 / 2**10 == pytest.approx(rate * 0.125 * 0.3 * 0.5, rel=0.42)
        taught = -readout.causal.mantissa * 2.0 ** (readout.causal.exponent + 7) * readout.pre_impulse
        assert taught * 127 / 2**17 == pytest.approx(rate * 0.125, rel=0.42)
        assert exp(-1 / hidden.pre_tau) == pytest.approx(0.75)
        assert (rule.voltage_exp, rule.feedback_seed, hidden.post_decay) == (15, 4, 2048)
    with pytest.raises(LapilliError, match=r"optimizer\.lr: 0.\d+ of the smallest learning rate that the engine has"):
        engine_rule(RULE, INTEGERS, 0.001, 20, 4)
    opposite = engine_rule(replace(RULE, a_post=-0.5), INTEGERS, 0.3, 20, 4).hidden.non_causal
    assert opposite.mantissa > 0
    assert engine_rule(replace(RULE, l_pre=1.0), INTEGERS, 0.3, 20, 4).hidden.pre_tau == 1e6


def test_what_the_engine_has_not_is_named() -> None:
    wrong = replace(NETWORK, gain=0.3, weight_standardisation=True)
    with pytest.raises(LapilliError) as found:
        engine_rule(RuleConfig(), wrong, 0.1, 20, 0)
    for name in ("method.signal", "method.psi", "network.gain", "network.weight_standardisation", "network.arithmetic"):
        assert name in str(found.value)


def engine_run(folder: Path, resume: bool = False, epochs: int = 3) -> Any:
    optimizer = OnlineOptimizerConfig("sgd", 0.3, schedule="constant", batch_size=1, max_epochs=epochs)
    data = DataConfig(deformation=0.0)
    options = Options(data, INTEGERS, optimizer, RULE, seed=3)
    return train_on_engine(folder, options, resume=resume, progress=False)


def test_the_engine_learns_from_the_first_weights_of_the_recipe(small_data: None, tmp_path: Path) -> None:
    summary = engine_run(tmp_path / "run", epochs=6)
    learned = load(tmp_path / "run" / "model.net")
    assert learned.fingerprint == summary.fingerprint
    assert summary.train_accuracy > 0.4, "ten classes by chance: 0.1"
    torch.manual_seed(3)
    first = export(OnlineNetwork(INTEGERS, (64,), 10))
    untouched = engine_run(tmp_path / "none", epochs=1).fingerprint
    events = few_digits("train")
    order = np.random.default_rng([3, 0]).permutation(len(events))
    rule = engine_rule(RULE, INTEGERS, 0.3, events.n_steps + 2, 3)
    assert learn(first, events.select(order), rule, n_steps=events.n_steps + 2).network.fingerprint == untouched


def test_an_engine_run_goes_on_where_it_was(small_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = engine_run(tmp_path / "whole").fingerprint
    calls: list[int] = []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        # Of none, so that what is compiled is not billed as learning.
        if not len(arguments[1]):
            return learn(*arguments, **options)
        calls.append(len(arguments[1]))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return learn(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recorded_module, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine_run(tmp_path / "stopped")
        # An epoch of 150 and a piece of the second one are learnt.
        calls.append(0)
        assert engine_run(tmp_path / "stopped", resume=True).fingerprint == whole
    assert calls == [64, 64, 22, 64, 64, 0, 64, 22, 64, 64, 22]


def test_the_engine_has_constant_rates(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"optimizer\.schedule must be constant and watch_test false in the engine"):
        train_on_engine(tmp_path / "run", network=INTEGERS, method=RULE)
