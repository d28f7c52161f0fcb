"""Recipes say what is missing before they import what takes seconds; the words name file, place, size and converter."""

import subprocess
import sys
from pathlib import Path

import pytest

from lapilli import cli
from lapilli.data_named import named
from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.origins import ORIGINS, check_packed

HEAVY = ("torch", "lightning", "numba", "sklearn")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setattr("lapilli.training.data.folders.search_folders", lambda: (tmp_path,))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["shd"], "shd-regenerated"),
        (["--config", "lstm-hapt"], "hapt"),
        (["shd", "--data.name", "mnist"], "mnist"),
        (["--data.name=mnist", "--data.name", "hapt"], "hapt"),
        (["--data.name", "hapt", "--data.name=mnist"], "mnist"),
        (["shd", "--data", "{name: hapt}"], None),
        (["shd", "--data={name: hapt}", "--data.name=mnist"], "mnist"),
        (["--seed", "3"], None),
        (["no-such-file"], None),
        (["--data.name"], None),
    ],
)
def test_words_name_a_data_set(words: list[str], name: str | None) -> None:
    assert named(words) == name


def test_a_file_names_it_or_not(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for content, name in (("data: {name: hapt}", "hapt"), ("data: hapt", None), ("data: {name: 3}", None), ("[", None)):
        file.write_text(content)
        assert named([str(file)]) == name


@pytest.mark.parametrize("verb", [["train"], ["train", "lstm"], ["train", "stllr"], ["train", "curriculum"]])
def test_recipes_refuse_at_once(verb: list[str], data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main([*verb, "--data.name", "hapt", "--run-dir", str(data / "run")])
    err = capsys.readouterr().err
    assert (status, err.count("\n")) == (2, 1)
    assert f"data set hapt needs hapt.npz in {data} (" in err
    assert "size 9.4 MiB, licence no commercial use; cite Reyes-Ortiz 2015; `lapilli data convert hapt FOLDER`" in err
    assert f"of {ORIGINS['hapt'].url} (commit df97739) in FOLDER" in err
    assert not (data / "run").exists()


def test_nothing_heavy_is_imported_before(tmp_path: Path) -> None:
    code = f"""
import sys
from lapilli import cli
assert cli.main(["train", "shd"]) == 2
print([name for name in {HEAVY} if name in sys.modules])
"""
    environment = {"PATH": "", "HOME": str(tmp_path), "LAPILLI_DATA": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    # No folder beside the checkout is looked into.
    code = "import lapilli.training.data.folders as f; f.search_folders = lambda: (f.data_folder(),)\n" + code
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert "shd-regenerated needs shd_regen_1ms.npz" in done.stderr


def test_files_that_are_here_are_not_missed(data: Path) -> None:
    for file in ORIGINS["cifar10-part"].packed:
        (data / file).parent.mkdir(exist_ok=True)
        (data / file).touch()
    check_packed("cifar10-part")
    check_packed("digits")
    with pytest.raises(LapilliError, match=r"train_1.npz, cifar10/train_2.npz, cifar10/train_3.npz in .*size 47.5 MiB"):
        check_packed("cifar10-held-out")


def test_origins_are_those_of_the_sets() -> None:
    for name, origin in ORIGINS.items():
        found = DATA_SETS[name]
        assert (found.licence, found.files) == (origin.licence, tuple(origin.packed))
        assert found.origin.startswith(origin.words)


def test_help_needs_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "shd", "--help"]) == 0
    assert "--data.name" in capsys.readouterr().out
