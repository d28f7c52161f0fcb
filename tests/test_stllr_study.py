"""Tables about the rule: what they compare, how rates are chosen, and that a study goes on where it was."""

import csv
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.recipes.stllr import OnlineOptimizerConfig, train_stllr
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig
from lapilli.training.stllr.engine import train_on_engine
from lapilli.training.stllr.exported import not_exportable
from lapilli.training.studies import collect as seeds_module
from lapilli.training.studies.stllr import tables as study
from lapilli.training.studies.stllr.tables import best_rates, draw, rates, table
from lapilli.training.studies.stllr.variants import methods_of, rungs_of

SMALL = """
network: {hidden: [6], recurrent: true, leak: 0.9}
optimizer: {batch_size: 60, max_epochs: 1}
method: {name: s-tllr, psi: triangle, window: 4}
"""


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 60))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(tasks, "digits", few_digits)
    monkeypatch.setattr(seeds_module, "commit", lambda: "aaa")
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    return "small.yaml"


def read(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_methods_differ_in_the_rule_alone() -> None:
    found = methods_of(RuleConfig(psi="triangle", window=5))
    assert {method.psi for method in found.values()} == {"triangle"}
    assert {method.window for method in found.values()} == {5}
    assert len(set(found.values())) == len(found) == 8


def test_each_rung_of_the_ladder_is_the_one_above_and_a_change() -> None:
    network, optimizer = OnlineNetworkConfig(), OnlineOptimizerConfig()
    whole = {"network": network, "optimizer": optimizer}
    variants = list(rungs_of(RuleConfig(window=9), network, optimizer).values())
    rungs = [{**whole, **variant.options} for variant in variants]
    changed = [
        [(part, field.name) for part in before for field in fields(before[part]) if differ(before, after, part, field)]
        for before, after in pairwise(rungs)
    ]
    assert changed == [
        [("method", "signal")],
        [("method", "error_delay")],
        [("optimizer", "kind"), ("optimizer", "batch_size")],
        [("network", "threshold"), ("network", "reset"), ("network", "arithmetic")],
        [("optimizer", "rounding"), ("method", "trace_bits")],
        [],
    ]
    assert [variant.trains for variant in variants] == [train_stllr] * 6 + [train_on_engine]
    assert not not_exportable(rungs[-1]["network"])


def differ(before: dict[str, Any], after: dict[str, Any], part: str, field: Any) -> bool:
    return bool(getattr(before[part], field.name) != getattr(after[part], field.name))


def test_the_best_rate_is_that_of_the_validation_part(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    rows = ["a,m,0.1,0.5", "a,m,0.01,0.7", "a,n,0.1,0.6", "a,n,0.01,0.6", "b,m,0.5,1"]
    path.write_text("\n".join(["configuration,method,lr,validation_accuracy", *rows]) + "\n")
    assert best_rates(str(path), "a") == {"m": 0.01, "n": 0.01}
    path.write_text("x\n1\n")
    with pytest.raises(LapilliError, match="is no table of learning rates"):
        best_rates(str(path), "a")


def test_rates_then_a_table_then_a_picture(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ("ottt", "bptt")
    rates(small, "rates.csv", 1, (0.001, 0.01), only=chosen)
    assert [(row["method"], row["lr"]) for row in read("rates.csv")] == [
        (method, rate) for method in chosen for rate in ("0.001", "0.01")
    ]
    table(small, "table.csv", "rates.csv", 2, 1, only=chosen)
    rows = read("table.csv")
    best = best_rates("rates.csv", "small")
    assert [(row["method"], row["seed"], float(row["lr"])) for row in rows] == [
        (method, seed, best[method]) for seed in "01" for method in chosen
    ]
    monkeypatch.setattr(study, "_resumed", lambda *_, **__: pytest.fail("trained again"))
    table(small, "table.csv", "rates.csv", 2, 1, only=chosen)
    assert read("table.csv") == rows
    draw("table.csv", "table.svg")
    assert "± " in Path("table.svg").read_text()
    with pytest.raises(LapilliError, match="has no learning rate of sltt for small"):
        table(small, "table.csv", "rates.csv", 2, 1, only=("sltt",))
    with pytest.raises(LapilliError, match="only: must be of s-tllr, a_post -1;"):
        table(small, "table.csv", "rates.csv", 2, 1, only=("stdp",))


def test_a_rate_that_fails_is_written_down_and_not_chosen(small: str) -> None:
    rates(small, "rates.csv", 2, (0.01, 1e38), variants="ladder", only=("4 gradient descent, batch 1",))
    first, second = read("rates.csv")
    assert first["failed"] == ""
    assert "lower the learning rate" in second["failed"]
    assert best_rates("rates.csv", "small") == {"4 gradient descent, batch 1": 0.01}


def test_where_every_rate_fails_there_is_no_table(small: str) -> None:
    rates(small, "rates.csv", 2, (1e38,), variants="ladder", only=("4 gradient descent, batch 1",))
    assert read("rates.csv")[0]["failed"]
    assert best_rates("rates.csv", "small") == {}
    with pytest.raises(LapilliError, match="has no learning rate of 4 gradient descent, batch 1 for small"):
        table(small, "t.csv", "rates.csv", 1, 1, variants="ladder", only=("4 gradient descent, batch 1",))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("optimizer: {batch_size: 0}", "optimizer.batch_size: must be at least 1"),
        ("method: {name: s-tllr, window: 4000}", "method.window: must be 1"),
        ("data: {name: digits, framing: {pool: 3}}", "pool"),
    ],
)
def test_a_wrong_configuration_is_no_rate_that_fails(small: str, text: str, named: str) -> None:
    Path(small).write_text(text)
    with pytest.raises(LapilliError, match=named):
        rates(small, "rates.csv", 1, (0.01,), only=("ottt",))
    assert not Path("rates.csv").exists()


def test_ctrl_c_is_no_rate_that_fails(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        raise TrainingInterruptedError("stopped after epoch 0 of 2")

    with monkeypatch.context() as patch:
        patch.setattr(study, "_resumed", stopped)
        with pytest.raises(TrainingInterruptedError):
            rates(small, "rates.csv", 1, (0.01,), only=("ottt",))
    assert not Path("rates.csv").exists()


def test_no_rates_and_no_epochs_are_refused(small: str) -> None:
    with pytest.raises(LapilliError, match="tried: needs at least one learning rate"):
        rates(small, "rates.csv", 1, ())
    rates(small, "rates.csv", 1, (0.01,), only=("ottt",))
    with pytest.raises(LapilliError, match=r"optimizer\.max_epochs: must be at least 1"):
        table(small, "t.csv", "rates.csv", 1, 0, only=("ottt",))


@pytest.mark.parametrize("accuracy", ["nan", "1.5", "x"])
def test_a_table_of_no_accuracies_is_not_drawn(accuracy: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"method,test_accuracy\nottt,{accuracy}\n")
    with pytest.raises(LapilliError, match="is no table of test accuracies"):
        draw(str(path), str(tmp_path / "t.svg"))


def test_a_file_of_another_method_is_refused(small: str) -> None:
    Path(small).write_text("method: {name: bptt}")
    with pytest.raises(LapilliError, match=r"method\.name must be s-tllr"):
        rates(small, "rates.csv")
