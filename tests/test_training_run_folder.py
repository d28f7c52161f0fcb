"""Run folders: which are accepted, what is refused, and that no error comes as a traceback."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from leftovers import left_by_a_dead_process

from lapilli.netx_exports import FormatError, LapilliError
from lapilli.netx_exports.files import part_prefix
from lapilli.netx_exports.locks import InUseError
from lapilli.training.loop.run_folder import (
    RunFolder,
    read_config,
    read_weights,
    run_in,
    start_run,
    write_metrics,
    write_summary,
    write_weights,
)

CONFIG: dict[str, Any] = {"network": {"hidden": (8, 4), "threshold": 1.0}, "optimizer": {"lr": 0.01}, "seed": 3}


def test_a_new_folder_gets_its_parents_and_the_configuration(tmp_path: Path) -> None:
    folder = start_run(tmp_path / "runs" / "first", CONFIG, resume=False)
    assert read_config(folder) == {**CONFIG, "network": {"hidden": [8, 4], "threshold": 1.0}}
    assert [file.name for file in folder.path.iterdir()] == ["config.yaml"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    start_run(tmp_path, CONFIG, resume=False)
    assert (tmp_path / "config.yaml").is_file()


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LapilliError, match="is not empty, and holds no run; --run-dir names another"):
        start_run(tmp_path, CONFIG, resume=False)


def test_a_folder_with_a_run_in_it_is_refused(tmp_path: Path) -> None:
    start_run(tmp_path, CONFIG, resume=False)
    with pytest.raises(
        LapilliError, match="is not empty; --resume goes on with the run in it, --run-dir names another"
    ):
        start_run(tmp_path, CONFIG, resume=False)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(LapilliError, match=r"cannot make run folder .*file"):
            start_run(path, CONFIG, resume=False)


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    with pytest.raises(LapilliError, match=r"cannot write .*config\.yaml: Permission denied"):
        start_run(tmp_path / "run", CONFIG, resume=False)
    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(LapilliError, match=r"cannot make run folder .*: Permission denied"):
        start_run(tmp_path / "other", CONFIG, resume=False)


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_to_resume(exists: bool, tmp_path: Path) -> None:
    if exists:
        (tmp_path / "run").mkdir()
    with pytest.raises(LapilliError, match=r"nothing to resume: .*run has no config\.yaml"):
        start_run(tmp_path / "run", CONFIG, resume=True)


def test_resuming_removes_what_a_kill_left_behind(tmp_path: Path) -> None:
    start_run(tmp_path, CONFIG, resume=False)
    left_by_a_dead_process(tmp_path / "checkpoint.safetensors").touch()
    start_run(tmp_path, CONFIG, resume=True)
    assert [file.name for file in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("older", [False, True])
def test_a_kill_in_the_first_write_leaves_a_folder_that_can_be_started(older: bool, tmp_path: Path) -> None:
    """An older lapilli, whose temporary names had no process, is that of `../shared/faults/09_stuck_run_folder`."""
    left = tmp_path / ".config.yaml.ab12.part" if older else left_by_a_dead_process(tmp_path / "config.yaml")
    left.touch()
    with pytest.raises(LapilliError, match=r"nothing to resume"), run_in(tmp_path, CONFIG, resume=True):
        raise AssertionError("resumed")
    with run_in(tmp_path, CONFIG, resume=False):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_which_somebody_works_is_refused(resume: bool, tmp_path: Path) -> None:
    with run_in(tmp_path, CONFIG, resume=False) as folder:
        part = tmp_path / f"{part_prefix('metrics.csv')}x1y2.part"
        part.touch()
        said = rf"run folder .* is in use by process {os.getpid()}$"
        with pytest.raises(InUseError, match=said), run_in(tmp_path, CONFIG, resume=resume):
            raise AssertionError("two work in it")
        assert part.exists()
        assert folder.config.exists()


@dataclass(frozen=True)
class Newer:
    """A configuration that has one option more than a run of before."""

    seed: int
    gain: float = 1.0


def test_an_option_that_is_newer_than_the_run_had_its_default_there(tmp_path: Path) -> None:
    start_run(tmp_path, {"seed": 3, "engine": True}, resume=False)
    start_run(tmp_path, {"seed": 3, "gain": 1.0, "engine": True}, resume=True, kind=Newer)
    with pytest.raises(LapilliError, match=r"another configuration than .*config\.yaml: gain is 2\.0 but was 1\.0$"):
        start_run(tmp_path, {"seed": 3, "gain": 2.0, "engine": True}, resume=True, kind=Newer)


def test_resuming_with_another_configuration_names_every_key_that_differs(tmp_path: Path) -> None:
    start_run(tmp_path, CONFIG, resume=False)
    changed = {"network": {"hidden": (8, 5), "threshold": 1.0}, "optimizer": {"lr": 0.02}, "gain": 1}
    with pytest.raises(LapilliError) as caught:
        start_run(tmp_path, changed, resume=True)
    assert str(caught.value).endswith(
        "config.yaml: network.hidden is [8, 5] but was [8, 4]; optimizer.lr is 0.02 but was 0.01; "
        "seed is missing but was 3; gain is 1 but was missing"
    )


@pytest.mark.parametrize("text", ["a: [", "- list", "\x00", "", "!!python/object/apply:os.mkdir [executed]"])
def test_a_damaged_configuration_is_a_clear_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"config\.yaml: \S"):
        read_config(RunFolder(tmp_path))
    assert not Path("executed").exists()


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"is not a run folder: it has no config\.yaml"):
        read_config(RunFolder(tmp_path))


def test_weights_come_back_bit_for_bit(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    weights = {"b": torch.randn(3, 4).T, "a": torch.zeros(())}
    write_weights(folder, weights, {"n_inputs": 4, "n_classes": 2})
    read, facts = read_weights(folder)
    assert facts == {"n_inputs": 4, "n_classes": 2}
    assert set(read) == {"a", "b"}
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    written = set()
    for _ in range(20):
        write_weights(RunFolder(tmp_path), {"b": torch.ones(2), "a": torch.zeros(3)}, {"n_inputs": 4, "n_classes": 2})
        written.add(RunFolder(tmp_path).weights.read_bytes())
    assert len(written) == 1


def test_weights_that_are_missing_or_damaged_are_clear_errors(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(LapilliError, match=r"is not finished: it has no weights\.safetensors"):
        read_weights(folder)
    torch.save({"a": torch.zeros(1)}, folder.weights)
    with pytest.raises(FormatError, match="not a weights file of lapilli, or a damaged one"):
        read_weights(folder)


def test_metrics_and_summary_are_plain_text(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_metrics(folder, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    write_summary(folder, {"test_accuracy": 0.98})
    assert folder.metrics.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"
    assert json.loads(folder.summary.read_text()) == {"test_accuracy": 0.98}


def test_the_configuration_keeps_its_order(tmp_path: Path) -> None:
    folder = start_run(tmp_path, CONFIG, resume=False)
    assert list(yaml.safe_load(folder.config.read_text())) == list(CONFIG)
