"""A run folder, a data set or files: every command reads any of them, runs a sample as long, and decides alike."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_archives import write
from made_run import made_run

from lapilli import cli
from lapilli.netx_exports import load, save
from lapilli.simulators import Events, events_equal
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig
from lapilli.training.exported.evaluation import check_same_decisions
from lapilli.training.networks.config import NetworkConfig

SMALL = NetworkConfig(hidden=(12,), hidden_weight_scale=3.0)
FAST = ("--backends", "[module,reference,fast]")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("runs")
    return (folder, *made_run(folder / "mine", DataConfig(), SMALL))


@pytest.fixture
def folder(made: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made[0])
    return made[0]


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    status, out, err = call(capsys, *words, "--json")
    assert status == 0, err
    return json.loads(out)


def test_decisions_are_those_that_training_reports(made: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, module, network, task = made
    expected = check_same_decisions(module, network, task.test, task.run_steps(module.depth))
    words = ("--decisions", "d.csv", "--confusion", "c.svg")
    simulated = answer(capsys, "simulate", "mine", *words)
    with open("d.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["decision"]) for row in rows] == expected.decisions.tolist()
    assert [int(row["label"]) for row in rows] == task.test.labels.tolist()
    scores = np.array([[int(row[f"score_{name}"]) for name in range(10)] for row in rows])
    assert scores.argmax(1).tolist() == expected.decisions.tolist()
    assert (folder / "c.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (task.test.labels, expected.decisions), 1)
    assert simulated["decisions"]["confusion"] == matrix.tolist()
    assert simulated["accuracy"] == expected.accuracy
    assert simulated["steps"] == task.run_steps(module.depth)
    assert simulated["decisions"]["class_names"] == list(task.classes)
    profiled = answer(capsys, "profile", "mine", "--decisions", "p.csv")
    assert (profiled["accuracy"], profiled["decisions"]["confusion"]) == (expected.accuracy, matrix.tolist())
    assert Path("p.csv").read_bytes() == Path("d.csv").read_bytes()
    proven = answer(capsys, "prove", "mine", *FAST, "--samples", "50", "--decisions", "q.csv")
    assert proven["decided"]["slayer"] == proven["decided"]["fast"] == expected.decisions[:50].tolist()
    assert Path("q.csv").read_text().splitlines() == Path("d.csv").read_text().splitlines()[:51]


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_damaged_weights_are_not_proven(
    content: bytes, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network alone would be equal on all backends, and the answer would be yes."""
    damaged = shutil.copytree(folder / "mine", tmp_path / "damaged")
    (damaged / "weights.safetensors").write_bytes(content)
    status, out, err = call(capsys, "prove", str(damaged), "--samples", "2")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "damaged" in err


def test_an_event_file_of_the_data_does_the_same(made: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, _, task = made
    saved = answer(capsys, "data", "save", "mine", "--samples", "40", "--out", "e.npz")
    assert saved["samples"] == 40
    written = Events.load("e.npz")
    assert events_equal(written, task.test.select(slice(40)))
    assert written.labels is not None
    assert written.labels.tolist() == task.test.labels[:40].tolist()
    assert answer(capsys, "data", "save", "digits", "--part", "validation", "--out", "v.npz")["samples"] == len(
        task.validation
    )
    found = [
        answer(capsys, "simulate", *words, "--out", f"{number}.npz")
        for number, words in enumerate(
            [
                ("mine", "--samples", "40"),
                ("mine", "--input", "e.npz"),
                ("mine/model.net", "--input", "e.npz"),
                ("mine/model.net", "--data", "digits", "--part", "test", "--samples", "40"),
            ]
        )
    ]
    assert len({(facts["accuracy"], facts["steps"], facts["syn_ops"], facts["output_spikes"]) for facts in found}) == 1
    assert len({Path(f"{number}.npz").read_bytes() for number in range(4)}) == 1


def test_the_trained_module_is_part_of_the_proof(made: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, network, _ = made
    status, out, _ = call(capsys, "prove", "mine", *FAST, "--samples", "20")
    assert status == 0
    assert "compared slayer = reference = fast: 20 samples" in out
    assert "equal: 0 differences" in out
    assert "accuracy: " in out
    changed = folder / "changed"
    made_run(changed, DataConfig(), SMALL)
    weights = network.layers[-1].synapses[0].weights.copy()
    weights[0] = -weights[0]
    last = replace(network.layers[-1], synapses=(replace(network.layers[-1].synapses[0], weights=weights),))
    save(replace(network, layers=(*network.layers[:-1], last)), changed / "model.net")
    status, out, _ = call(capsys, "prove", "changed", "--backends", "[module,fast]", "--samples", "20")
    assert status == 1
    assert "first in fast: " in out


def test_inspect_export_plot_and_learn_take_the_folder(
    made: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, network, task = made
    assert answer(capsys, "inspect", "mine")["fingerprint"] == network.fingerprint
    assert call(capsys, "export", "mine", "--out", "again.net")[0] == 0
    assert load("again.net") == network
    assert call(capsys, "plot", "mine", "--sample", "3", "--out", "p.svg")[0] == 0
    title = (folder / "p.svg").read_text(encoding="utf-8")
    assert "mine, sample 3, class " in title
    learnt = answer(capsys, "learn", "mine", "--samples", "30", "--layers", "1", "--run-dir", "learnt")
    assert (learnt["samples"], learnt["steps_per_sample"]) == (30, task.train.n_steps + network.depth)
    after = answer(capsys, "simulate", "learnt", "--samples", "30")
    assert after["decisions"]["samples"] == 30


def test_the_runs_framing_is_that_of_other_data_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setattr("lapilli.training.data.folders.search_folders", lambda: (tmp_path,))
    write(tmp_path, "shd-regenerated")
    data = DataConfig(name="shd-regenerated", framing=Framing(bin_ms=4, n_steps=9, pool=5), lines="valid")
    _, network, task = made_run(tmp_path / "run", data, NetworkConfig(hidden=(6,)))
    named = answer(capsys, "simulate", "run", "--data", "shd-regenerated", "--samples", "2")
    assert named["steps"] == 9 + network.depth
    assert named["syn_ops"] == answer(capsys, "simulate", "run", "--samples", "2")["syn_ops"] > 0
    longer = answer(capsys, "simulate", "run", "--framing.n-steps", "12", "--samples", "2")
    assert longer["steps"] == 12 + network.depth
    assert answer(capsys, "data", "save", "run", "--out", "e.npz")["shape"] == [*task.test.shape] == [141]
    assert call(capsys, "view", "run", "--samples", "2")[0] == 0
    facts = re.search(r'id="facts-data">(.*?)</script>', Path("view.html").read_text(encoding="utf-8"))
    assert facts is not None
    page = json.loads(facts[1])
    assert (page["network"], page["source"], page["steps"]) == ("run", "shd-regenerated, test", 9 + network.depth)
    assert (page["step_ms"], page["classes"]["11"]) == (4.0, task.classes[11])
    assert [sample["label"] for sample in page["samples"]] == task.test.labels[:2].tolist()
    status, _, err = call(capsys, "simulate", "run/model.net", "--data", "shd-regenerated")
    assert status == 2
    assert "the network's input is (141,), got (700,)" in err


def test_learned_delays_run_as_long_as_in_training(tmp_path: Path) -> None:
    config = NetworkConfig(hidden=(6,), delays=5, initial_delays=(0.0, 1.0))
    module, network, task = made_run(tmp_path / "run", DataConfig(), config)
    assert network.depth < module.depth
    source = find_network(str(tmp_path / "run"))
    assert source.steps(task.test.n_steps) == task.run_steps(module.depth)
    assert source.steps(task.test.n_steps, 3) == 3
    assert find_network(str(tmp_path / "run" / "model.net")).steps(10) == 10 + network.depth


def test_a_drain_of_the_run_is_kept_and_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module, network, task = made_run(tmp_path / "run", DataConfig(drain=1), SMALL)
    assert module.depth > 1
    expected = check_same_decisions(module, network, task.test.subset(slice(30)), task.run_steps(module.depth))
    found = answer(capsys, "simulate", str(tmp_path / "run"), "--samples", "30")
    assert (found["accuracy"], found["steps"]) == (expected.accuracy, task.test.n_steps + 1)


def test_a_sample_runs_as_long_as_the_summary_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Modules may answer sooner than their exported networks, whose depth counts every neuron on the way."""
    _, network, _ = made_run(tmp_path / "run", DataConfig(), SMALL)
    assert network.depth not in (0, 4)
    summary = tmp_path / "run" / "summary.json"
    for said, drain in ((4, 4), (0, 0), (True, network.depth), ("4", network.depth), (-1, network.depth)):
        summary.write_text(json.dumps({"drain": said}), encoding="utf-8")
        assert find_network(str(tmp_path / "run")).steps(10) == 10 + drain
    summary.write_text("{", encoding="utf-8")
    status = cli.main(["simulate", str(tmp_path / "run")])
    assert (status, capsys.readouterr().err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["simulate", "mine/model.net"], "no events: give --input FILE.npz or --data NAME, or a run folder"),
        (["simulate", "mine", "--input", "e.npz", "--part", "test"], "--part: of data sets; --input is an event file"),
        (
            ["simulate", "mine", "--input", "x.npz", "--data", "digits"],
            "--data: of data sets; --input is an event file",
        ),
        (["simulate", "mine", "--samples", "0"], "--samples must be at least 1, got 0"),
        (["simulate", "mine", "--data", "nothing"], "unknown data set 'nothing'"),
        (["simulate", ".", "--data", "digits"], "holds several runs, choose one of them: "),
        (["simulate", "empty"], "empty is not a run folder: it has no model.net"),
        (["inspect", "begun"], "run begun is not finished: it has no model.net; resume it first"),
        (["inspect", "ended"], "ended has no model.net: what was trained there has no exported form"),
        (["simulate", "mine", "--readout", "spike_count"], "readout: the network decides by voltage_sum already"),
        (["simulate", "mine", "--n-steps", "4", "--decisions", "d2.csv"], "--decisions: the last input spikes are"),
        (["simulate", "mine", "--confusion", "c.pdf"], "pictures are written as .png or .svg, got c.pdf"),
        (["simulate", "mine", "--decisions", "mine/model.net"], "--decisions must not be the file mine/model.net"),
        (["profile", "mine", "--time-steps", "4,8", "--decisions", "x.csv"], "--decisions and --confusion are of one"),
        (
            ["prove", "mine/model.net", "--backends", "[module,fast]"],
            "--backends: module is of the folder of a finished",
        ),
        (["plot", "mine", "--sample", "9999", "--out", "x.svg"], "--sample: digits, test has 360 samples, got 9999"),
        (["data", "save", "mine", "--part", "best", "--out", "b.npz"], "part"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    for name in ("empty", "begun", "ended"):
        Path(name).mkdir(exist_ok=True)
    for name in ("begun", "ended"):
        Path(name, "config.yaml").write_text("seed: 0\n", encoding="utf-8")
    Path("ended/summary.json").write_text("{}", encoding="utf-8")
    Path("other").mkdir(exist_ok=True)
    Path("other/model.net").write_bytes(Path("mine/model.net").read_bytes())
    before = sorted(path.name for path in folder.iterdir())
    status, _, err = call(capsys, *words)
    assert status == 2, err
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_network_that_does_not_say_how_it_decides(
    made: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, network, _ = made
    save(replace(network, readout=None), "silent.net")
    words = ("simulate", "silent.net", "--data", "digits", "--samples", "30")
    silent = answer(capsys, *words)
    assert "--readout softmax_sum, spike_count or voltage_sum says it" in silent["why_no_decisions"]
    said = answer(capsys, *words, "--readout", "voltage_sum")
    assert said["accuracy"] == answer(capsys, "simulate", "mine", "--samples", "30")["accuracy"]
    assert call(capsys, "export", "silent.net", "--readout", "voltage_sum", "--out", "said.net")[0] == 0
    assert load("said.net") == network
