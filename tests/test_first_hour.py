"""The first hour of a newcomer: every command of docs/tutorials/first_hour.md, in its order, in an empty folder."""

import json
import re
import shlex
from pathlib import Path

import pytest

from lapilli import cli

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "tutorials" / "first_hour.md").read_text(encoding="utf-8")
FILES = (
    *(
        "confusion.svg",
        "decisions.csv",
        "profile.html",
        "sample.svg",
        "view.html",
        "mine.net",
        "test.npz",
    ),
    *("runs/mine/model.net", "runs/learnt/report.json"),
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.mark.lava
@pytest.mark.slow
def test_every_command_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (written,) = blocks("yaml")
    assert "max_epochs: 5" in written
    Path("mine.yaml").write_text(written.replace("max_epochs: 5", "max_epochs: 1"), encoding="utf-8")
    commands = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    verbs = {command[1] for command in commands}
    assert verbs == {"train", "inspect", "prove", "simulate", "profile", "plot", "view", "learn", "export", "data"}
    said = {}
    for command in commands:
        assert command[0] == "lapilli"
        assert cli.main(command[1:]) == 0, capsys.readouterr().err
        said[" ".join(command[1:])] = capsys.readouterr().out
    assert [name for name in FILES if not Path(name).stat().st_size] == []
    accuracy = json.loads(Path("runs/mine/summary.json").read_text(encoding="utf-8"))["test_accuracy"]
    decided = [text for words, text in said.items() if words.startswith(("simulate runs/mine", "simulate mine.net"))]
    assert len(decided) == 2
    for text in decided:
        assert f"accuracy: {accuracy:.2%} (" in text
    proven = next(text for words, text in said.items() if words.startswith("prove "))
    assert "compared slayer = reference = fast" in proven
    assert "equal: 0 differences" in proven
