"""Studies of spiking LSTMs: stages of several seeds in one table, and experiments that share a source."""

import csv
from pathlib import Path
from typing import Any

import pytest
from chimes import CHIMES

from lapilli.netx_exports import LapilliError
from lapilli.simulators import run as simulate
from lapilli.simulators.configurations import read_options
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.exported.finished import finished_run
from lapilli.training.recipes.float_network import train_float
from lapilli.training.recipes.lstm import Options
from lapilli.training.studies.collect import SET_BY_STUDIES
from lapilli.training.studies.lstm.experiments import EXPERIMENTS, changed
from lapilli.training.studies.lstm.tables import bill, experiments, stages

FILE = """
data: {name: chimes, framing: {n_steps: 10, bin_ms: 4}}
network: {name: lstm, hidden: [6], read: every, unit: 2}
source_optimizer: {lr: 0.02, batch_size: 32, max_epochs: 1}
optimizer: {lr: 0.02, batch_size: 32, max_epochs: 1}
also_copies: [1]
"""


@pytest.fixture(autouse=True)
def chimes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATA_SETS, CHIMES.name, CHIMES)
    monkeypatch.setattr("lapilli.training.studies.collect.commit", lambda: "aaa")


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(FILE)
    return str(tmp_path / "small.yaml")


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_every_experiment_changes_one_thing(file: str) -> None:
    options = read_options(file, Options, SET_BY_STUDIES)
    found = [changed(options, experiment) for experiment in EXPERIMENTS]
    assert found[0] == options
    assert len({str(one) for one in found}) == len(EXPERIMENTS)
    assert changed(options, "spikes cost 0.01").loss.spikes == 0.01
    assert changed(options, "spikes cost 0.01").loss.gain == options.loss.gain
    assert changed(options, "weights alone").train == "weights"
    assert not changed(options, "all five spike").conversion.exported
    with pytest.raises(LapilliError, match=r"^only: must be of IF, shift V/2T; .*, got 'more'"):
        changed(options, "more")


def test_stages_and_experiments_share_a_source(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []

    def counted(folder: Path, *rest: Any) -> Any:
        trained.append(str(folder))
        return train_float(folder, *rest)

    runs, out = str(tmp_path / "runs"), tmp_path / "stages.csv"
    stages(file, str(out), 2, runs, lava_samples=0)
    rows = read(out)
    assert [(row["seed"], row["stage"], row["copies"]) for row in rows[:5]] == [
        ("0", "standard LSTM", ""),
        ("0", "LSTM, hard", ""),
        ("0", "converted", "1"),
        ("0", "converted", "2"),
        ("0", "tuned", "2"),
    ]
    assert len(rows) == 10
    assert {row["proven_differences"] for row in rows if row["copies"]} == {"0"}

    monkeypatch.setattr("lapilli.training.recipes.lstm.train_float", counted)
    table = tmp_path / "experiments.csv"
    experiments(file, str(table), only=["IF, shift V/2T", "IF, no shift"], runs=runs)
    found = read(table)
    assert [row["stage"] for row in found] == ["converted", "converted", "tuned"] * 2
    source = tmp_path / "runs" / "small" / "seed-0" / "source"
    assert {Path(folder).resolve() for folder in trained} == {source}
    same = [row["test_accuracy"] for row in found[:3]]
    assert same == [row["test_accuracy"] for row in rows[2:5]]


def test_a_bill_is_that_of_a_count_by_hand(file: str, tmp_path: Path) -> None:
    stages(file, str(tmp_path / "stages.csv"), 1, str(tmp_path / "runs"), lava_samples=0)
    folder = tmp_path / "runs" / "small" / "seed-0" / "tuned-2"
    bill(str(tmp_path / "bill.csv"), [f"mine={folder}"], samples=20)
    (row,) = read(tmp_path / "bill.csv")

    run = finished_run(folder)
    samples, network = run.task.test.subset(slice(20)), run.network
    d, h, c, n = network.n_inputs, 6, network.output.size, samples.n_steps
    assert float(row["lstm_multiply_accumulates"]) == n * (4 * h * (d + h) + h * c)
    assert float(row["bound"]) == round((4 * h * (d + h) + h * c) / (4 * h * d), 3)

    found = simulate(network, samples.events(), n_steps=run.n_steps)
    columns = {
        name: found.counts.synapse_ops[:, number].sum() / 20 for number, name in enumerate(found.counts.synapses)
    }
    multiplied = sum(value for name, value in columns.items() if name.source == "input")
    added = sum(columns.values()) - multiplied
    assert float(row["multiply_accumulates"]) == round(multiplied, 1) > 0
    assert float(row["accumulates"]) == round(added, 1) > 0
    # Four currents and four membranes of six units, from copy 0 to copy 1, once an element.
    assert float(row["handed_values"]) > 0
    for words, (product, addition) in {"fp32": (4.6, 0.9), "int32": (3.2, 0.1), "int8": (0.23, 0.03)}.items():
        ours, theirs = product * multiplied + addition * added, product * n * (4 * h * (d + h) + h * c)
        with_zeros = product * n * 4 * h * d + addition * added
        assert float(row[f"times_less_{words}"]) == round(theirs / ours, 3)
        assert float(row[f"times_less_{words}_with_zeros"]) == round(theirs / with_zeros, 3) < float(row["bound"])


def test_what_cannot_be_billed(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages(file, str(tmp_path / "stages.csv"), 1, str(tmp_path / "runs"), lava_samples=0)
    seed = tmp_path / "runs" / "small" / "seed-0"
    with pytest.raises(LapilliError, match=r"network.name: must be one of .*, got 'lstm'"):
        bill(str(tmp_path / "bill.csv"), [f"mine={seed / 'source'}"])
    with pytest.raises(LapilliError, match="a bill needs at least one sample"):
        bill(str(tmp_path / "bill.csv"), [f"mine={seed / 'tuned-2'}"], samples=0)
    monkeypatch.setattr("lapilli.training.studies.lstm.tables.load_module", lambda folder: None)
    with pytest.raises(LapilliError, match="tuned-2 is no stage of a spiking LSTM"):
        bill(str(tmp_path / "bill.csv"), [f"mine={seed / 'tuned-2'}"])
    with pytest.raises(LapilliError, match=r"^runs: must be NAME=FOLDER, got 'mine'"):
        bill(str(tmp_path / "bill.csv"), ["mine"])
