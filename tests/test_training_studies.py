"""Studies: options out of files, rows with all columns, curves and pictures, and going on after a stop."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from chimes import CHIMES

import lapilli.training
from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.errors import FormatError
from lapilli.simulators import Events
from lapilli.simulators.configurations import read_options
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.training.data import tasks
from lapilli.training.data.catalogue import DATA_SETS, data_set
from lapilli.training.data.digits import Part, digits
from lapilli.training.data.framing import check_taken
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.methods import DistillationConfig, PlainConfig
from lapilli.training.networks.lstm.config import ConversionConfig, LstmConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.recipes import curriculum, lstm, stllr, surrogate_gradient
from lapilli.training.recipes.curriculum import ChainConfig
from lapilli.training.recipes.stllr import OnlineOptimizerConfig
from lapilli.training.recipes.surrogate_gradient import DataConfig, Options
from lapilli.training.stllr.config import OnlineNetworkConfig
from lapilli.training.studies import __main__ as studies
from lapilli.training.studies import collect as seeds_module
from lapilli.training.studies.__main__ import chain, methods, seeds
from lapilli.training.studies.collect import SET_BY_STUDIES

CONFIGS = sorted((Path(lapilli.training.__file__).parent / "configs").glob("*.yaml"))

SMALL = """
data: {name: digits}
network: {hidden: [8]}
optimizer: {max_epochs: 2, batch_size: 40}
method: {name: plain, label_smoothing: 0.05}
"""

SMALL_CHAIN = """
chain: {bins_ms: [2, 4], duration_ms: 40}
data: {name: chimes}
network: {hidden: [8]}
optimizer: {max_epochs: 2, batch_size: 32}
"""

ORIGIN = {"commit", "date", "machine", "seed", "command", "case", "configuration"}
MEASURED = {
    *("validation_accuracy", "test_accuracy", "unrounded_test_accuracy", "best_test_epoch_accuracy"),
    *("operations_per_sample", "spikes_per_sample", "uj_by_horowitz-45nm-int8", "over_dense_pass_a_step"),
    *("steps", "epochs", "best_epoch", "training_seconds", "fingerprint"),
    *("proven_samples", "proven_differences", "proven_spikes", "proven_states"),
}
DESCRIBED = {"data", "bin_ms", "frames", "method"}


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 60))


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "digits", few_digits)
    monkeypatch.setitem(DATA_SETS, CHIMES.name, CHIMES)
    monkeypatch.setattr(seeds_module, "commit", lambda: "aaa")


@pytest.fixture
def small(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SMALL)
    return str(tmp_path / "small.yaml")


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def measured(path: Path) -> list[dict[str, str]]:
    """Rows without what differs from one time to the next."""
    left_out = ("date", "training_seconds")
    return [{name: value for name, value in row.items() if name not in left_out} for row in read(path)]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_gives_the_objects_of_its_recipe(path: Path) -> None:
    recipe: type[Any] = curriculum.Options if "\nchain:" in path.read_text() else surrogate_gradient.Options
    kinds = {"data": DataConfig, "network": NetworkConfig, "optimizer": OptimizerConfig, "loss": LossConfig}
    if path.stem.startswith("stllr"):
        recipe = stllr.Options
        kinds = {"data": DataConfig, "network": OnlineNetworkConfig, "optimizer": OnlineOptimizerConfig}
    if path.stem.startswith("spikescr"):
        kinds["network"] = SpikeScrConfig
    if path.stem.startswith("one-step"):
        kinds["network"] = OneStepConfig
    if path.stem.startswith("lstm"):
        recipe = lstm.Options
        kinds |= {"network": LstmConfig, "source_optimizer": OptimizerConfig, "conversion": ConversionConfig}
    options = read_options(path, recipe, SET_BY_STUDIES)
    if recipe is curriculum.Options:
        kinds |= {"chain": ChainConfig, "distillation": DistillationConfig}
    assert {name: type(getattr(options, name)) for name in kinds} == kinds
    assert options.seed == 0
    # What the data set does not know would be refused, but only when it is loaded.
    data, found = options.data, data_set(options.data.name)
    if data.name != "digits":
        check_taken(data.name, data.framing, found.framing)
    check_taken(data.name, data.split, found.split)


def options_in(file: str) -> Options:
    return read_options(file, Options, SET_BY_STUDIES)


def test_options_are_what_the_file_says_and_defaults_otherwise(small: str) -> None:
    options = options_in(small)
    assert options.network == NetworkConfig(hidden=(8,))
    assert options.optimizer == OptimizerConfig(max_epochs=2, batch_size=40)
    assert options.method == PlainConfig(label_smoothing=0.05)
    assert options.data == DataConfig()
    Path(small).write_text("seed: 3\nrun_dir: elsewhere\n")
    assert options_in(small) == Options()
    Path(small).write_text("")
    assert options_in(small) == Options()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("optimiser: {lr: 1}", "optimiser"),
        ("optimizer: {lr: fast}", "fast"),
        ("optimizer: {rate: 1}", "rate"),
        ("data: {framing: {encoder: none}}", "encoder"),
        ("method: {name: best}", "method"),
        ("chain: {bins_ms: [1, 2]}", "chain"),
        ("- 1", "must be a mapping of options, got list"),
        ("1: {lr: 1}", "1"),
        ("optimizer: {lr: [", "while parsing"),
        ("method: {temperature: 2.0}", r"method\.name: missing; must be one of plain, "),
        ("a: \xff", "UTF-8"),
    ],
)
def test_files_that_are_no_options_are_refused_in_one_sentence(text: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_bytes(text.encode("latin1"))
    with pytest.raises(FormatError, match=named) as caught:
        options_in(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"nothing\.yaml"):
        options_in(str(tmp_path / "nothing.yaml"))


def test_a_study_of_seeds(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds(small, str(tmp_path / "t.csv"), 2, str(tmp_path / "runs"), lava_samples=0)
    rows = read(tmp_path / "t.csv")
    assert rows[0].keys() >= ORIGIN | DESCRIBED | MEASURED
    assert [(row["case"], row["seed"]) for row in rows] == [("configuration=small", str(seed)) for seed in (0, 1)]
    for row in rows:
        assert (row["data"], row["method"], row["bin_ms"], row["frames"]) == ("digits", "plain", "", "")
        assert (row["proven_samples"], row["proven_differences"]) == ("120", "0")  # all of the test and validation part
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"]
    mean = 50 * sum(float(row["test_accuracy"]) for row in rows)
    printed = capsys.readouterr().out
    assert printed.startswith(f"configuration=small: test accuracy after export {mean:.2f} ± ")
    assert printed.endswith("(2 seeds)\n")


def test_a_study_of_methods_makes_table_curves_and_picture(small: str, tmp_path: Path) -> None:
    methods(small, str(tmp_path / "t.csv"), ("plain", "tks"), 2, str(tmp_path / "runs"), lava_samples=0)
    rows, curves = read(tmp_path / "t.csv"), read(tmp_path / "t_curves.csv")
    assert rows[0].keys() >= ORIGIN | DESCRIBED | MEASURED
    cases = [("plain", "0"), ("tks", "0"), ("plain", "1"), ("tks", "1")]
    assert [(row["method"], row["seed"]) for row in rows] == cases
    frames = len(curves) // 4
    assert [(row["method"], row["seed"], row["frames"]) for row in curves] == [
        (*case, str(frame)) for case in cases for frame in range(1, frames + 1)
    ]
    assert {row["protocol"] for row in curves} == {"first_frames"}
    # With all frames, the curve ends where the table is.
    at_end = [row["test_accuracy"] for row in curves if row["frames"] == str(frames)]
    assert [float(value) for value in at_end] == [float(row["test_accuracy"]) for row in rows]
    assert "<svg" in (tmp_path / "t_curves.svg").read_text()
    # All methods smooth the label's target as the file says.
    configs = (tmp_path / "runs").glob("small-*/seed-*/config.yaml")
    assert [path.read_text().count("label_smoothing: 0.05") for path in configs] == [1, 1, 1, 1]


def test_the_second_protocol_has_a_curve_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "rings.yaml"
    file.write_text("data: {name: chimes, framing: {bin_ms: 2, n_steps: 20}}\noptimizer: {max_epochs: 1}\n")
    methods(str(file), str(tmp_path / "t.csv"), ("plain",), 1, str(tmp_path / "runs"), 0, (2, 4, 8))
    rows, curves = read(tmp_path / "t.csv"), read(tmp_path / "t_curves.csv")
    rebinned = {row["frames"]: row["test_accuracy"] for row in curves if row["protocol"] == "rebinned"}
    assert list(rebinned) == ["5", "10", "20"]
    assert float(rebinned["20"]) == float(rows[0]["test_accuracy"])
    assert (rows[0]["bin_ms"], rows[0]["frames"]) == ("2.0", "20")


def test_unknown_methods_are_refused_before_anything_is_trained(small: str, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"methods: must be of plain, .*, got 'best'"):
        methods(small, str(tmp_path / "t.csv"), ("plain", "best"), 1, str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_study_of_a_chain_has_a_case_for_each_stage(tmp_path: Path) -> None:
    file = tmp_path / "rings.yaml"
    file.write_text(SMALL_CHAIN)
    chain(str(file), str(tmp_path / "t.csv"), 1, str(tmp_path / "runs"), lava_samples=0)
    rows = read(tmp_path / "t.csv")
    assert ORIGIN | MEASURED | {"stage", "frames"} <= rows[0].keys()
    assert [row["case"] for row in rows] == [
        f"configuration=rings, stage={stage}, bin_ms={width:.1f}"
        for stage, width in (("from scratch", 2), ("kdcl", 4), ("inherited", 4), ("from scratch", 4))
    ]


def test_a_chain_for_each_method(tmp_path: Path) -> None:
    file = tmp_path / "rings.yaml"
    file.write_text(SMALL_CHAIN)
    chain(str(file), str(tmp_path / "t.csv"), 1, str(tmp_path / "runs"), lava_samples=0, methods=("plain", "tks"))
    rows = read(tmp_path / "t.csv")
    assert [row["method"] for row in rows] == 4 * ["plain"] + 4 * ["tks"]
    assert rows[4]["case"] == "configuration=rings, method=tks, stage=from scratch, bin_ms=2.0"
    for method in ("plain", "tks"):
        config = (tmp_path / "runs" / f"rings-{method}" / "seed-0" / "kdcl-4ms" / "config.yaml").read_text()
        assert f"name: {method}" in config


class Stop:
    """Stops training once, in an epoch of a training, counted over all of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, training: int, epoch: int) -> None:
        self.trained: list[Any] = []
        step = Classifier.training_step

        def stopping(classifier: Classifier, batch: Any, batch_idx: int) -> torch.Tensor:
            if classifier not in self.trained:
                self.trained.append(classifier)
            if (len(self.trained) - 1, classifier.current_epoch, batch_idx) == (training, epoch, 1):
                raise KeyboardInterrupt
            return step(classifier, batch, batch_idx)

        monkeypatch.setattr(Classifier, "training_step", stopping)


def stopped_and_gone_on(study: Any, tmp_path: Path, stop_at: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a study whole and with a stop; compare; how many trainings the second part of the stopped one made."""
    study(tmp_path / "whole.csv", tmp_path / "whole")
    with monkeypatch.context() as patch:
        Stop(patch, *stop_at)
        with pytest.raises(TrainingInterruptedError):
            study(tmp_path / "stopped.csv", tmp_path / "stopped")
    with monkeypatch.context() as patch:
        left = Stop(patch, -1, 0)
        study(tmp_path / "stopped.csv", tmp_path / "stopped")
        trained = len(left.trained)
        study(tmp_path / "stopped.csv", tmp_path / "stopped")
        assert len(left.trained) == trained
    assert measured(tmp_path / "stopped.csv") == measured(tmp_path / "whole.csv")
    return trained


@pytest.mark.slow
def test_a_stopped_study_of_methods_goes_on(small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def study(out: Path, runs: Path) -> None:
        methods(small, str(out), ("tks", "tks-waiting"), 2, str(runs), 0)

    # In the third training: two rows stand, that training goes on after its first epoch, one is still to come.
    assert stopped_and_gone_on(study, tmp_path, (2, 1), monkeypatch) == 2
    rows = read_csv(tmp_path / "whole.csv")
    assert [(row["method"], row["seed"]) for row in rows] == [
        (method, seed) for seed in ("0", "1") for method in ("tks", "tks-waiting")
    ]
    assert len({row["fingerprint"] for row in rows}) == 4
    assert measured(tmp_path / "stopped_curves.csv") == measured(tmp_path / "whole_curves.csv")
    assert (tmp_path / "stopped_curves.svg").read_bytes() == (tmp_path / "whole_curves.svg").read_bytes()


@pytest.mark.slow
def test_a_stopped_study_of_a_chain_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rings.yaml"
    file.write_text(SMALL_CHAIN)

    def study(out: Path, runs: Path) -> None:
        chain(str(file), str(out), 1, str(runs), 0)

    assert stopped_and_gone_on(study, tmp_path, (1, 1), monkeypatch) == 3


@pytest.mark.slow
def test_the_command_line_and_lava(small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["seeds", small, str(tmp_path / "t.csv"), "--seeds", "1", "--runs", str(tmp_path / "runs")]
    monkeypatch.setattr("sys.argv", ["studies.py", *words, "--lava_samples", "1"])
    studies.main()
    (row,) = read(tmp_path / "t.csv")
    assert row["command"].startswith("python -m lapilli.training.studies seeds ")
    assert (row["lava_samples"], row["lava_differences"]) == ("1", "0")
    assert int(row["lava_spikes"]) > 0
    assert int(row["lava_states"]) > 0
    monkeypatch.setattr("sys.argv", ["studies.py", "seeds", str(tmp_path / "no.yaml"), str(tmp_path / "n.csv")])
    with pytest.raises(SystemExit, match=r"^studies: .*no\.yaml"):
        studies.main()
