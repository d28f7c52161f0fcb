"""`lapilli learn --stream`: samples one by one are learnt as those of a file; a wrong line loses none."""

import csv
import io
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from learning_files import RULE, answers_in, learning_files, stream_text

from lapilli import cli
from lapilli.learning.stream import answers
from lapilli.netx_exports import load
from lapilli.simulators import Events
from lapilli.simulators.learning.online import Answer

N_SAMPLES = 30


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return learning_files(tmp_path, N_SAMPLES)


def words(files: dict[str, Path], run: str, *more: str) -> list[str]:
    return ["learn", str(files["network"]), "--run-dir", str(files["events"].with_name(run)), *RULE, *more]


def samples_table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "samples.csv", newline="") as file:
        return list(csv.DictReader(file))


SAME = ("fingerprint_before", "fingerprint_after", "online_accuracy", "weight_change", "operations", "samples_of_class")


@pytest.mark.parametrize("source", ["file", "standard input", "fifo"])
def test_a_stream_is_learnt_as_the_file_of_its_samples(
    source: str,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = ["--watch", str(files["events"]), "--json"]
    assert cli.main(words(files, "whole", "--input", str(files["events"]), *watch)) == 0
    expected = json.loads(capsys.readouterr().out)
    stream = str(files["stream"])
    if source == "standard input":
        text = files["stream"].read_bytes()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        stream = "-"
    elif source == "fifo":
        stream = str(tmp_path / "fifo")
        os.mkfifo(stream)
        threading.Thread(target=Path(stream).write_bytes, args=(files["stream"].read_bytes(),)).start()
    assert cli.main(words(files, "run", "--stream", stream, *watch)) == 0
    told, report = answers_in(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "run" / "report.json").read_text())
    assert {name: report[name] for name in SAME} == {name: expected[name] for name in SAME}
    assert report["accuracy"] == {str(files["events"]): expected["accuracy"][str(files["events"])]}
    assert report["fingerprint_after"] != report["fingerprint_before"]
    assert load(tmp_path / "run" / "model.net") == load(tmp_path / "whole" / "model.net")
    rows = samples_table(tmp_path / "run")
    assert rows == samples_table(tmp_path / "whole")
    assert [{"number": n, "label": int(r["label"]), "decided": int(r["decided"])} for n, r in enumerate(rows)] == told
    assert (tmp_path / "run" / "curve.svg").read_text().startswith("<?xml")


def test_learning_from_nothing_from_a_stream(files: dict[str, Path], tmp_path: Path) -> None:
    for name, source in (("whole", "--input"), ("run", "--stream")):
        path = files["events" if source == "--input" else "stream"]
        assert (
            cli.main(["learn", "--new", "12,6", source, str(path), "--run-dir", str(tmp_path / name), *RULE[1:]]) == 0
        )
    assert load(tmp_path / "run" / "model.net") == load(tmp_path / "whole" / "model.net")


def test_a_run_for_people(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words(files, "run", "--stream", str(files["stream"]))) == 0
    text = capsys.readouterr().out
    assert text.startswith("30 samples learnt in ")
    assert "decided rightly before they were learnt: " in text
    assert "hidden1 -> readout: " in text


def test_on_a_terminal_the_last_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with answers(json=False) as answer:
        answer(Answer(0, 3, 3))
        answer(Answer(1, 3, 2))
    assert "sample 1: label 3, decided 2; of the last 2 decided rightly: 50%" in terminal.getvalue()


@pytest.mark.parametrize(
    ("line", "phrase"),
    [
        ('{"label": 3, "events": [[0, 1]', "no JSON: Expecting ',' delimiter at column"),
        ('{"label": 4, "events": []}', "label: must be a whole number in 0…3, got 4"),
        ('{"label": 3, "events": [[0, 16]]}', "neuron of event 0 must be a whole number in 0…15, got 16"),
        ('{"label": NaN, "events": []}', "must hold whole numbers only, got NaN"),
    ],
)
def test_a_wrong_line_ends_the_run_and_what_was_learnt_before_is_kept(
    line: str, phrase: str, files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(files, "whole", "--stream", str(files["stream"]))) == 0
    events = Events.load(files["events"])
    lines = stream_text(events).splitlines()
    files["stream"].write_text("\n".join([*lines[:11], line, *lines[11:]]))
    capsys.readouterr()
    assert cli.main(words(files, "run", "--stream", str(files["stream"]), "--json")) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 10
    assert said.err.startswith(f"lapilli: {files['stream']}, line 12: ")
    assert phrase in said.err
    assert said.err.endswith(f"; what was learnt before is in {tmp_path / 'run'}, and --resume goes on\n")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "run" / "model.net").exists()
    files["stream"].write_text(stream_text(events, first=10))
    assert cli.main(words(files, "run", "--stream", str(files["stream"]))) == 2
    assert "holds a learning run already; --resume goes on with it" in capsys.readouterr().err
    assert cli.main(words(files, "run", "--stream", str(files["stream"]), "--json", "--resume")) == 0
    said = capsys.readouterr()
    assert "going on after 10 samples" in said.err
    assert [answer["number"] for answer in answers_in(said.out)[0]] == list(range(10, N_SAMPLES))
    assert load(tmp_path / "run" / "model.net") == load(tmp_path / "whole" / "model.net")
    assert samples_table(tmp_path / "run") == samples_table(tmp_path / "whole")


def test_a_finished_run_learns_on_from_another_stream(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(files, "whole", "--stream", str(files["stream"]))) == 0
    events = Events.load(files["events"])
    for first, last, more in ((0, 12, []), (12, 12, ["--resume"]), (12, N_SAMPLES, ["--resume"])):
        files["stream"].write_text(stream_text(events.select(slice(first, last))))
        assert cli.main(words(files, "run", "--stream", str(files["stream"]), *more)) == 0
    assert load(tmp_path / "run" / "model.net") == load(tmp_path / "whole" / "model.net")
    files["stream"].write_text(files["stream"].read_text().replace('"n_steps": 12', '"n_steps": 13', 1))
    capsys.readouterr()
    assert cli.main(words(files, "run", "--stream", str(files["stream"]), "--n-steps", "14", "--resume")) == 2
    assert "it is of a run with another network, other events or other options" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--epochs", "2", "--shuffle", "0"], "--stream contradicts --epochs, --shuffle: its samples come once"),
        (["--part", "train"], "--stream contradicts --part:"),
        (["--classes", "1", "--groups", "2"], "--stream contradicts --classes, --groups:"),
        (["--input", "other.npz"], "needs --input FILE.npz, --data NAME or --stream FILE, one of them"),
        (["--layers", "hidden1"], "only the last layers of a network learn"),
        (["--watch", "nowhere.npz"], "nowhere.npz"),
    ],
)
def test_what_contradicts_a_stream_is_one_sentence(
    more: list[str], sentence: str, files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(files, "run", "--stream", str(files["stream"]), *more)) == 2
    complaint = capsys.readouterr().err
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "run" / "model.net").exists()


@pytest.mark.parametrize(
    ("text", "new", "sentence"),
    [
        ("", "8", "line 1: missing; the first line must say shape, n_steps and classes"),
        ('{"shape": [16], "n_steps": 12, "classes": 4}\n', "8", "learning needs at least one sample"),
        (
            '{"shape": [16777216], "n_steps": 12, "classes": 4}\n',
            "128",
            "new: at most 67,108,864 weights, got layers of",
        ),
        ('{"shape": [9], "n_steps": 12, "classes": 4}\n', "", "shape: the network's input is (16,), got (9,)"),
        (
            '{"shape": [16], "n_steps": 12, "classes": 5}\n',
            "",
            "classes: must be at most 4, the neurons of the readout",
        ),
        (None, "8", "cannot read"),
    ],
)
def test_streams_that_cannot_be_learnt(
    text: str | None,
    new: str,
    sentence: str,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "wrong.jsonl"
    if text is not None:
        path.write_text(text)
    network = ["--new", new] if new else [str(files["network"])]
    assert cli.main(["learn", *network, "--stream", str(path), "--run-dir", str(tmp_path / "run")]) == 2
    complaint = capsys.readouterr().err
    assert sentence in complaint
    assert complaint.count("\n") == 1


@pytest.mark.slow
@pytest.mark.lava
def test_lava_learns_a_stream_sample_by_sample(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["stream"].write_text(stream_text(Events.load(files["events"]).select(slice(0, 2))))
    told = []
    for backend in ("fast", "lava"):
        assert cli.main(words(files, backend, "--stream", str(files["stream"]), "--json", "--backend", backend)) == 0
        told.append(answers_in(capsys.readouterr().out)[0])
    assert told[0] == told[1]
    assert load(tmp_path / "fast" / "model.net") == load(tmp_path / "lava" / "model.net") != load(files["network"])
