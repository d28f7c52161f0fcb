"""Tables over seeds: rows as they come, gone on with after a stop, nothing lost."""

import csv
from pathlib import Path
from typing import Any

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.training.studies import collect as seeds
from lapilli.training.studies.collect import Case, Row, collect, first_seeds

COMMAND = "lapilli train --seeds 2"


@pytest.fixture(autouse=True)
def one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    at_commit(monkeypatch, "aaa")


def at_commit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(seeds, "commit", lambda: name)


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cases(methods: tuple[str, ...] = ("plain", "tks"), n_seeds: int = 2, command: str = COMMAND) -> list[Case]:
    return [Case(seed, command, {"method": name}) for name in methods for seed in first_seeds(n_seeds)]


class Measured:
    """Notes which cases were measured."""

    def __init__(self, fail_at: int = -1) -> None:
        self.done: list[tuple[object, int]] = []
        self.fail_at = fail_at

    def __call__(self, case: Case) -> list[Row]:
        if len(self.done) == self.fail_at:
            raise KeyboardInterrupt
        self.done.append((case.options["method"], case.seed))
        return [{"test_accuracy": 0.5 + case.seed / 10}]


def test_the_same_case_by_another_command_counts_once(tmp_path: Path) -> None:
    collect(tmp_path / "t.csv", cases(("plain",)), Measured())
    again = Measured()
    collect(tmp_path / "t.csv", cases(("plain", "tks"), command=f"{COMMAND} more"), again)
    rows = read(tmp_path / "t.csv")
    assert len(again.done) == 4
    assert [(row["case"], row["seed"]) for row in rows] == [
        ("method=plain", "0"), ("method=plain", "1"), ("method=tks", "0"), ("method=tks", "1")
    ]  # fmt: skip
    assert {row["command"] for row in rows} == {f"{COMMAND} more"}


def test_a_row_says_where_it_comes_from_and_what_it_measures(tmp_path: Path) -> None:
    rows = collect(tmp_path / "t.csv", cases(), Measured())
    found = read(tmp_path / "t.csv")
    assert [{name: str(value) for name, value in row.items()} for row in rows] == found
    assert [(row["case"], row["seed"], row["test_accuracy"]) for row in found] == [
        ("method=plain", "0", "0.5"),
        ("method=plain", "1", "0.6"),
        ("method=tks", "0", "0.5"),
        ("method=tks", "1", "0.6"),
    ]
    assert {(row["commit"], row["command"]) for row in found} == {("aaa", COMMAND)}
    assert all(row["date"] and row["machine"] for row in found)


def test_a_stopped_run_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    stopped = Measured(fail_at=3)
    with pytest.raises(KeyboardInterrupt):
        collect(path, cases(), stopped)
    assert len(read(path)) == 3
    again = Measured()
    assert len(collect(path, cases(), again)) == 4
    assert again.done == [("tks", 1)]
    third = Measured()
    collect(path, cases(("plain", "tks", "tet"), 3), third)
    assert third.done == [("plain", 2), ("tks", 2), ("tet", 0), ("tet", 1), ("tet", 2)]


def test_another_command_or_commit_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    collect(path, cases(), Measured())
    other = Measured()
    rows = collect(path, cases(("plain",), 1, "lapilli train --lr 1"), other)
    assert other.done == [("plain", 0)]
    assert len(rows) == len(read(path)) == 4
    at_commit(monkeypatch, "bbb")
    anew = Measured()
    assert len(collect(path, cases(("plain",), 1), anew)) == 1
    assert [row["commit"] for row in read(path)] == ["bbb"]


def test_several_rows_of_a_case(tmp_path: Path) -> None:
    def stages(case: Case) -> list[Row]:
        return [{"stage": 1, "test_accuracy": 0.9}, {"stage": 2, "test_accuracy": 0.8, "teacher": "stage 1"}]

    rows = collect(tmp_path / "t.csv", cases(("kdcl",), 2), stages, keys=("stage",))
    assert [row["case"] for row in rows] == ["method=kdcl, stage=1", "method=kdcl, stage=2"] * 2
    assert [row["teacher"] for row in read(tmp_path / "t.csv")] == ["", "stage 1"] * 2
    again = Measured()
    collect(tmp_path / "t.csv", cases(("kdcl",), 2), again, keys=("stage",))
    assert again.done == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "is no table of this command"),
        ("commit,seed,command\naaa,0,x\n", "is no table of this command"),
        ("commit,seed,command,method\naaa,0\n", "row 1 has not as many cells as the header"),
        ("commit,seed,command,method\naaa,0,x,tks,9\n", "row 1 has not as many cells as the header"),
        ('commit,seed\n"aaa', "cannot read"),
        (b"\xff\xfe,\n", "cannot read"),
    ],
)
def test_another_file_is_not_written_over(tmp_path: Path, text: Any, message: str) -> None:
    path = tmp_path / "t.csv"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    measured = Measured()
    with pytest.raises(LapilliError, match=message):
        collect(path, cases(), measured)
    assert path.read_bytes() == content
    assert measured.done == []


def test_first_seeds() -> None:
    assert first_seeds(3) == (0, 1, 2)
    with pytest.raises(LapilliError, match="seeds: must be at least 1, got 0"):
        first_seeds(0)
