"""Eight steps to the chip: every command of docs/how-to/to_the_chip.md, in its order, on a stand-in for the board."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from lapilli import cli
from lapilli.simulators.loihi2.client import leave_board

HERE = Path(__file__).resolve().parent
PAGE = (HERE.parent / "docs" / "how-to" / "to_the_chip.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, and what `tests/test_loihi2.py` has in the place of Intel's extension."""
    leave_board()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(HERE / "fake_loihi")
    monkeypatch.setenv("NOSLURM", "1")
    monkeypatch.setenv("FAKE_LOIHI_RECORD", str(tmp_path / "graphs.jsonl"))
    monkeypatch.setenv("FAKE_LOIHI_INTO", "2")
    monkeypatch.setenv("FAKE_LOIHI_OUT", "1")
    yield
    leave_board()


def test_there_are_eight_steps_in_the_table_and_on_the_page() -> None:
    headings = re.findall(r"^## (\d)\. (.+)$", PAGE, re.M)
    assert [int(number) for number, _ in headings] == list(range(1, 9))
    assert re.findall(r"^\| (\d)\. \[(.+?)\]", PAGE, re.M) == headings
    assert all(blocks("sh", part) for part in re.split(r"^## ", PAGE, flags=re.M)[1:])


@pytest.mark.lava
@pytest.mark.slow
@pytest.mark.usefixtures("stand_in")
def test_what_must_not_change_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    (written,) = blocks("yaml")
    Path("chip.yaml").write_text(written.replace("max_epochs: 5", "max_epochs: 1"), encoding="utf-8")
    said = {}
    for words in [shlex.split(line)[1:] for block in blocks("sh") for line in block.splitlines()]:
        assert cli.main(words) == 0, capsys.readouterr().err
        said[" ".join(words)] = capsys.readouterr().out
    summary = json.loads(Path("runs/chip/summary.json").read_text(encoding="utf-8"))

    named = [text for words, text in said.items() if words.startswith(("inspect", "export", "simulate"))]
    assert len(named) == 5
    for text in named:
        assert f"fingerprint {summary['fingerprint']}" in text.replace("fingerprint: ", "fingerprint ")

    assert f"accuracy: {summary['test_accuracy']:.2%} (" in said["simulate chip.net --input test.npz"]

    counted = said["profile chip.net --input test.npz"]
    (operations,) = re.findall(r"│ network │ +([\d,.]+) │", counted)
    assert float(operations.replace(",", "")) == pytest.approx(summary["operations"], abs=0.06)

    proofs = [text for words, text in said.items() if words.startswith("prove")]
    assert len(proofs) == 3
    assert all("equal: 0 differences" in text for text in proofs)
    assert len({re.findall(r"([\d,]+) spikes", text)[0] for text in proofs}) == 1

    decided = [re.findall(r"^accuracy: .*$", text, re.M) for text in [*proofs, list(said.values())[-1]]]
    assert len({tuple(lines) for lines in decided}) == 1
    assert decided[0] != []
