"""`lapilli train`: which options reach the recipe, from words, files and packaged configurations."""

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lapilli import calling, cli
from lapilli.netx_exports import LapilliError
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.methods import DistillationConfig, EtcConfig, KdclConfig, PlainConfig, TksConfig
from lapilli.training.recipes import curriculum, surrogate_gradient
from lapilli.training.recipes import stllr as recipe
from lapilli.training.stllr.config import UnrolledConfig
from lapilli.training.studies import proven_runs

TKS = "method: {name: tks, alpha: 0.3}"
TAUGHT = ["--teacher", "there"]
TAUGHT_MORE = KdclConfig(distillation=DistillationConfig(2.0))
HOT = KdclConfig(own=TksConfig(temperature=7.0))
METHODS = "must be one of plain, softmax_sum, tet, etc, tks, confidence, kdcl"


class AskedError(Exception):
    """Carries what the recipe was asked for."""


def asking(run_dir: Path, options: object, **more: Any) -> Any:
    raise AskedError({"run_dir": run_dir, **vars(options), **more})


@pytest.fixture(autouse=True)
def data_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configurations name data sets whose files are not part of the repository (`test_data_missing.py`)."""
    monkeypatch.setattr(calling, "check_data", lambda words: None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A recipe that only says what it was asked for, and a folder to be in."""

    monkeypatch.setattr(surrogate_gradient, "train", asking)
    monkeypatch.chdir(tmp_path)


def options_of(*words: str) -> dict[str, Any]:
    with pytest.raises(AskedError) as caught:
        calling.run_command("train", words)
    found: dict[str, Any] = caught.value.args[0]
    return found


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    try:
        status = cli.main(("train", *words))
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    return err


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("file", "words", "expected"),
    [
        ("", [], None),
        ("", ["--method.name", "tks"], TksConfig()),
        # TET and ETC have options of these names too.
        ("", ["--method.name", "tks", "--method.temperature", "2"], TksConfig(temperature=2.0)),
        ("", ["--method.label-smoothing", "0.2", "--method.name", "tks"], TksConfig(label_smoothing=0.2)),
        ("", ["--method", "{name: tks, alpha: 0.2}"], TksConfig(alpha=0.2)),
        ("", ["--method.name=tks", "--method.random-steps=3"], TksConfig(random_steps=3)),
        ("", ["--method.name", "kdcl", "--method.own.name", "tks", *TAUGHT], KdclConfig(own=TksConfig())),
        ("", ["--method.name", "kdcl", "--method.distillation.weight", "2", *TAUGHT], TAUGHT_MORE),
        (TKS, [], TksConfig(alpha=0.3)),
        (TKS, ["--method.temperature", "2"], TksConfig(alpha=0.3, temperature=2.0)),
        (TKS, ["--method.name", "tks"], TksConfig(alpha=0.3)),
        (TKS, ["--method.temperature", "2", "--method.name", "etc"], EtcConfig(temperature=2.0)),
        (TKS, ["--method", "null"], None),
        ("method: null", ["--method.name", "etc"], EtcConfig()),
        ("method: {name: kdcl, own: {name: tks, alpha: 0.3}}", TAUGHT, KdclConfig(own=TksConfig(alpha=0.3))),
        ("method: {name: kdcl, own: {name: tks}}", ["--method.own.name=etc", *TAUGHT], KdclConfig(own=EtcConfig())),
        (
            "method: {name: kdcl, own: {name: tks}}",
            ["--method.own.temperature=7", *TAUGHT],
            HOT,
        ),
    ],
)
def test_the_name_alone_chooses_the_method(file: str, words: list[str], expected: object) -> None:
    Path("a.yaml").write_text(file)
    assert options_of("a.yaml", *words)["method"] == expected
    assert options_of(*words, "--config", "a.yaml")["method"] == expected


def test_data_that_nobody_named_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = SimpleNamespace(
        train_accuracy=1.0, validation_accuracy=1.0, test_accuracy=1.0, epochs=1, best_epoch=1, seconds=1.0
    )
    monkeypatch.setattr(surrogate_gradient, "train", lambda *words, **options: summary)
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").write_text("", encoding="utf-8")
    remark = "lapilli: no data set was named, so it was digits; --data.name names another\n"
    for words in ([], ["empty.yaml"], ["--optimizer.lr", "0.1"], ["--data.framing.n_steps", "9"]):
        assert calling.run_command("train", words) == 0
        assert capsys.readouterr().err == remark
    for words in (["digits"], ["--data.name", "digits"], ["--data", "{name: digits}"]):
        assert calling.run_command("train", words) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("file", "words", "message"),
    [
        ("", ["--method.alpha", "0.2"], f"method.name: missing; {METHODS}"),
        ("method: {temperature: 2}", [], "method.name: missing"),
        (
            "",
            ["--method.name", "fly"],
            f"method.name: {METHODS}, got 'fly'",
        ),
        ("method: {name: fly}", [], "got 'fly'"),
        ("", ["--method.name", "tks", "--method.fly", "3"], "method: tks has no option fly; it has name, alpha, ramp,"),
        ("method: {name: tks, fly: 3}", [], "method: tks has no option fly"),
        (
            "",
            ["--method.name", "tks", "--method.alpha", "x"],
            "method.alpha: must be a number, got 'x'",
        ),
        ("", ["--method.name", "tks", "--method.alpha", "7"], "method.alpha: must be 0…1, got 7"),
        ("", ["--method.name", "kdcl", "--method.own.weight", "1"], "method.own.name: missing; must be one of plain"),
        ("", ["--method.name"], "--method.name: expected a value"),
        ("", ["--method.name", "[1"], "method.name: not YAML that lapilli reads (while parsing"),
        ("optimizer: {lr: fast}", [], "optimizer.lr: must be a number, got 'fast'"),
        ("optimiser: {lr: 1}", [], "there is no option optimiser; did you mean optimizer?"),
        ("optimizer: {rate: 1}", [], "optimizer has no option rate; it has lr, warm_up, "),
        ("seed: -1", ["--loss.gain=.nan"], "loss.gain: must be finite, got nan; seed: must be at least 0, got -1"),
        (
            "seed: true",
            ["--threads=1.0"],
            "seed: must be a whole number, got True; threads: must be a whole",
        ),
        ("[1, 2]", [], "a.yaml: must be a mapping of options, got list"),
        (
            "a: [",
            [],
            "lapilli: a.yaml: not YAML that lapilli reads (while parsing a flow node, expected the node content, "
            "but found '<stream end>' in line 1, column 5)\n",
        ),
        (
            "",
            ["--resume", "behind.yaml"],
            "unrecognized arguments: behind.yaml; a configuration stands in front of the",
        ),
        ("", ["--config", "a.yaml"], "config: must be one file, got a.yaml and a.yaml"),
    ],
)
def test_what_fits_no_method_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    file: str,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(file)
    assert message in complaint(capsys, "a.yaml", *words)


@pytest.mark.usefixtures("asked")
def test_a_packaged_configuration_by_name_unless_there_is_such_a_file() -> None:
    found = options_of("shd-tks")
    assert found["data"].name == "shd-regenerated"
    assert found["method"] == PlainConfig(label_smoothing=0.0)
    assert options_of("shd-tks.yaml", "--optimizer.lr", "0.5")["optimizer"].lr == 0.5
    Path("shd-tks").write_text("seed: 7")
    assert options_of("shd-tks")["seed"] == 7


@pytest.mark.usefixtures("asked")
def test_a_configuration_that_is_nowhere_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    assert "config: folder is a folder, not a configuration file" in complaint(capsys, "folder")
    for name in ("missing", "missing.yaml", "folder/digits.yaml"):
        assert f"config: no file {name}, and lapilli has none of that name; " in complaint(capsys, name)
    assert "; it has digits, hapt, " in complaint(capsys, "missing")


@pytest.mark.usefixtures("asked")
def test_the_folder_of_several_seeds_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def study(out: Path, *others: object) -> None:
        raise LapilliError(f"asked for {out}")

    monkeypatch.setattr(proven_runs, "study", study)
    words = ["digits", "--seeds", "2", "--run-dir"]
    assert "asked for runs/new/seeds.csv" in complaint(capsys, *words, "runs/new")
    assert Path("runs/new").is_dir()
    assert "unknown data set 'dgits'; did you mean digits?" in complaint(
        capsys, "--data.name", "dgits", "--seeds", "2", "--run-dir", "left"
    )
    assert not Path("left").exists()
    Path("runs/new/config.yaml").write_text("", encoding="utf-8")
    assert "runs/new holds a run of one seed; --run-dir names another" in complaint(capsys, *words, "runs/new")
    Path("file").write_text("", encoding="utf-8")
    assert "cannot make run folder file/new: Not a directory" in complaint(capsys, *words, "file/new")


@pytest.mark.usefixtures("asked")
def test_the_run_folder_has_the_name_of_the_configuration_or_of_the_data_set() -> None:
    Path("mine.yaml").write_text("data: {name: hapt}")
    assert options_of("mine.yaml")["run_dir"] == Path("runs/mine")
    assert options_of("shd-tks")["run_dir"] == Path("runs/shd-tks")
    assert options_of("--data.name", "hapt")["run_dir"] == Path("runs/hapt")
    assert options_of()["run_dir"] == Path("runs/digits")
    assert options_of("mine.yaml", "--run-dir", "here")["run_dir"] == Path("here")


@pytest.mark.usefixtures("asked")
def test_a_curriculum_is_configured_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curriculum, "train_curriculum", asking)
    with pytest.raises(AskedError) as caught:
        calling.run_command("train_curriculum", ["shd-kdcl", "--method.name", "tks", "--method.temperature", "2"])
    assert caught.value.args[0]["run_dir"] == Path("runs/shd-kdcl")
    assert caught.value.args[0]["method"] == TksConfig(temperature=2.0)


def test_a_training_by_another_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def few_digits(part: Part) -> object:
        return digits(part).select(slice(0, 60))

    monkeypatch.setattr(tasks, "digits", few_digits)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.yaml").write_text("network: {hidden: [5]}\noptimizer: {max_epochs: 1}\n" + TKS)
    assert cli.main(["train", "short.yaml", "--method.selector", "all", "--json", "--progress", "false"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 1
    config = (tmp_path / "runs" / "short" / "config.yaml").read_text()
    assert "name: tks\n  alpha: 0.3\n" in config
    assert "selector: all" in config


def test_stllr_is_configured_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "train_stllr", asking)
    found = []
    for words in (["--method.a-post", "-1"], ["--method.name", "bptt", "--method.steps", "5"]):
        with pytest.raises(AskedError) as caught:
            calling.run_command("train_stllr", ["stllr-shd-small", *words])
        found.append(caught.value.args[0])
    assert found[0]["run_dir"] == Path("runs/stllr-shd-small")
    assert (found[0]["method"].a_post, found[0]["method"].window) == (-1, 45)
    assert found[1]["method"] == UnrolledConfig(steps=5)


@pytest.mark.usefixtures("asked")
def test_a_section_may_be_a_file_and_options_of_the_verb_stand_in_a_file() -> None:
    Path("fast.yaml").write_text("lr: 1e-2\nmax_epochs: 3")
    Path("mine.yaml").write_text("run_dir: there\nresume: true\nwatch_test: true\noptimizer: {lr: 1}")
    found = options_of("mine.yaml", "--optimizer", "fast.yaml", "--optimizer.keep=last", "--start", "12")
    assert (found["optimizer"].lr, found["optimizer"].max_epochs, found["optimizer"].keep) == (0.01, 3, "last")
    assert (found["run_dir"], found["resume"], found["watch_test"]) == (Path("there"), True, True)
    assert found["start"] == Path("12")


@pytest.mark.usefixtures("asked")
def test_the_configuration_is_printed_as_it_would_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method.name", "tks", "--method.alpha=0.2", "--network.hidden=[3]", "--watch-test", "--print_config"]
    with pytest.raises(SystemExit) as caught:
        calling.run_command("train", words)
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["method"] == asdict(TksConfig(alpha=0.2))
    Path("printed.yaml").write_text(printed)
    found = options_of("printed.yaml")
    assert (found["method"], found["network"].hidden, found["watch_test"]) == (TksConfig(alpha=0.2), (3,), True)


def test_training_by_stllr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tasks, "digits", lambda part: digits(part).select(slice(0, 60)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.yaml").write_text("network: {hidden: [5]}\noptimizer: {max_epochs: 1}\n")
    assert cli.main(["train", "stllr", "short.yaml", "--progress", "false"]) == 0
    out = capsys.readouterr().out
    assert "run folder: runs/short\n" in out
    assert "not exported: arithmetic integer with reset zero" in out
    assert (tmp_path / "runs" / "short" / "weights.safetensors").is_file()
