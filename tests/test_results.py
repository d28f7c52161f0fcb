"""`lapilli results`: the committed tables, listed and averaged over seeds."""

import json
from pathlib import Path

import pytest

from lapilli import cli, paths

ROOT = Path(__file__).resolve().parent.parent
HEADER = "commit,date,machine,seed,command,case,method,test_accuracy,steps,fingerprint\n"
ROWS = [
    "abc,2026-01-01,box,0,make it,method=tks,tks,0.9,40,f0",
    "abc,2026-01-02,box,1,make it,method=tks,tks,0.8,40,f1",
    "abc,2026-01-02,box,0,make it,method=plain,plain,0.7,40,f2",
    "abd,2026-01-03,box,10,make it now,method=plain,plain,0.7,40,f3",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "methods.csv").write_text(HEADER + "\n".join(ROWS) + "\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text(HEADER, encoding="utf-8")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(["results", *words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "--folder", str(folder))
    assert status == 0
    assert "abc, abd" in out
    assert "2026-01-01 … 2026-01-03" in out
    assert "methods: make it (and 1 more)" in out
    listed = json.loads(call(capsys, "--folder", str(folder), "--json")[1])
    assert [(entry["table"], entry["rows"], entry["seeds"]) for entry in listed] == [
        ("empty", 0, []),
        ("methods", 4, ["0", "1", "10"]),
    ]


def test_the_tables_of_the_checkout_are_found_from_anywhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(paths, "__file__", str(ROOT / "lapilli" / "paths.py"))
    listed = json.loads(call(capsys, "--json")[1])
    assert [entry["table"] for entry in listed] == sorted(path.stem for path in (ROOT / "results").glob("*.csv"))
    assert "no table 'nope' in" in call(capsys, "nope")[2]
    (folder / "results").mkdir()
    assert call(capsys)[2] == "lapilli: no tables in results; --folder says where they are\n"


def test_an_installed_package_has_no_tables(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(paths, "__file__", str(folder / "site-packages" / "lapilli" / "paths.py"))
    assert call(capsys)[2] == "lapilli: no tables in results; --folder says where they are\n"


def test_a_table_is_averaged_over_seeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "methods", "--folder", str(folder))
    assert status == 0
    assert "85.00% ± 7.07%" in out
    assert "70.00%" in out
    assert "steps: 40" in out
    assert "seeds: 0, 1, 10" in out
    assert "f0" not in out
    found = json.loads(call(capsys, "methods", "--folder", str(folder), "--json")[1])
    tks, plain = found["groups"]
    assert tks["seeds"] == ["0", "1"]
    assert tks["values"]["test_accuracy"] == {"mean": pytest.approx(0.85), "std": pytest.approx(0.0707107), "n": 2}
    assert plain["values"]["test_accuracy"] == "0.7"
    assert found["commits"] == ["abc", "abd"]


def test_chosen_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "methods.csv")
    out = call(capsys, path, "--by", "steps", "--columns", "steps,test_accuracy")[1]
    assert "77.50% ± 9.57%" in out
    assert "method " not in out
    status, _, err = call(capsys, path, "--by", "price")
    assert (status, err) == (
        2,
        "lapilli: --by: must be one of commit, date, machine, seed, command, case, method, test_accuracy, steps, "
        "fingerprint, got 'price'\n",
    )
    assert "fingerprint, got 'price'" in call(capsys, path, "--columns", "price")[2]


def test_columns_that_do_not_fit_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "27")
    out = " ".join(call(capsys, "methods", "--folder", str(folder))[1].split())
    assert "(--columns chooses): test_accuracy" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "no table 'nothing' in {folder}; there are empty, methods"),
        (["empty"], "{folder}/empty.csv: has no rows"),
        (["--folder", "{folder}/none"], "no tables in {folder}/none; --folder says where they are"),
    ],
)
def test_what_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    words = ["--folder", str(folder), *(word.format(folder=folder) for word in words)]
    status, out, err = call(capsys, *words)
    assert (status, out, err) == (2, "", f"lapilli: {message.format(folder=folder)}\n")


@pytest.mark.parametrize("table", [path.stem for path in sorted((ROOT / "results").glob("*.csv"))])
def test_every_committed_table_is_shown(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, table, "--folder", str(ROOT / "results"))[0] == 0
    found = json.loads(call(capsys, table, "--folder", str(ROOT / "results"), "--json")[1])
    assert found["groups"]
    if table == "digits_operations":
        assert [len(group["seeds"]) for group in found["groups"]] == [3] * 6
