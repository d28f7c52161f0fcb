"""`lapilli learn`: from a network and labelled events to a network that has learnt, and what it says on the way."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from of_kind import of_kind

from lapilli import cli
from lapilli.learning import samples as samples_module
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout, load, save
from lapilli.netx_exports.locks import locked
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.simulators import Events
from lapilli.simulators.learning import learn, recorded
from lapilli.simulators.learning import session as session_module
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.training.data.samples import in_memory

RULE = [
    "--learning.hidden.causal.mantissa=-5", "--learning.hidden.causal.exponent=2", "--learning.hidden.pre-impulse=30",
    "--learning.readout.causal.mantissa=-5", "--learning.readout.pre-impulse=30", "--learning.seed=3",
    "--layers=hidden0,readout",
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    generator = np.random.default_rng(8)
    hidden = DenseSynapse("input", generator.integers(-40, 80, (6, 5)))
    readout = DenseSynapse("hidden0", generator.integers(-60, 60, (3, 6)))
    layers = (
        Layer("hidden0", (6,), CubaLif(30, 4096, 400), (hidden,)),
        Layer("readout", (3,), CubaLif(NEVER_SPIKES, 4096, 200), (readout,)),
    )
    save(Network((5,), layers, readout=Readout("voltage_sum")), tmp_path / "before.net")
    # The last class is missing.
    events = Events.from_dense((generator.random((12, 5, 14)) < 0.4).astype(int), np.arange(12) % 2)
    paths = {name: tmp_path / f"{name}.npz" for name in ("events", "old")}
    events.save(paths["events"])
    events.select(slice(0, 5)).save(paths["old"])
    return {**paths, "network": tmp_path / "before.net", "run": tmp_path / "run"}


def words(files: dict[str, Path], *more: str) -> list[str]:
    where = ["--input", str(files["events"]), "--run-dir", str(files["run"])]
    return ["learn", str(files["network"]), *where, *RULE, *more]


@pytest.mark.slow
def test_a_network_learns_and_says_what_became_of_it(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(files, "--watch", str(files["old"]), "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads((files["run"] / "report.json").read_text())
    before, after = load(files["network"]), load(files["run"] / "model.net")
    assert (facts["fingerprint_before"], facts["fingerprint_after"]) == (before.fingerprint, after.fingerprint)
    assert before != after
    events = Events.load(files["events"])
    expected = learn(before, events, _config(facts))
    assert expected.network == after
    assert facts["accuracy"].keys() == {"learnt", str(files["old"])}
    with open(files["run"] / "samples.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["decided"]) for row in rows] == expected.decisions.tolist()
    assert (files["run"] / "curve.svg").read_text().startswith("<?xml")
    # For people.
    files["run"] = files["run"].with_name("again")
    assert cli.main(words(files)) == 0
    text = capsys.readouterr().out
    assert "samples that were learnt" in text
    assert "hidden0 -> readout: " in text
    assert "classes that were never seen: 2" in text


def test_learning_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Two classes that spike in different halves of the input.
    generator = np.random.default_rng(2)
    labels = np.arange(60) % 2
    rates = np.where((np.arange(8)[None] < 4) == (labels[:, None] == 0), 0.6, 0.05)
    Events.from_dense((generator.random((60, 8, 12)) < rates[:, :, None]).astype(int), labels).save(tmp_path / "e.npz")
    common = ["learn", "--input", str(tmp_path / "e.npz"), "--json", "--learning.voltage-exp", "15"]
    for sizes, shapes in (("0", [(2, 8)]), ("12,6", [(12, 8), (6, 12), (2, 6)])):
        assert cli.main([*common, "--new", sizes, "--run-dir", str(tmp_path / sizes)]) == 0
        facts = json.loads(capsys.readouterr().out)
        learned = load(tmp_path / sizes / "model.net")
        assert [np.shape(of_kind(DenseSynapse, layer.synapses[0]).weights) for layer in learned.layers] == shapes
        assert facts["network"] == f"new {sizes}"
        assert facts["fingerprint_before"] == fresh_network((8,), [] if sizes == "0" else [12, 6], 2, 0).fingerprint
    assert facts["weight_change"][0]["changed"] > 0
    with_seed = fresh_network((8,), [12, 6], 2, 1)
    assert with_seed.fingerprint != facts["fingerprint_before"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--new", "12,x"], "--new: must be sizes separated by commas, got '12,x'"),
        (["--new", "12,-1"], "new: every layer needs a neuron"),
        (["--new", ",".join(["1"] * 65)], "new: at most 65 layers, got 66"),
        ([], "needs the file of a network or --new SIZES"),
    ],
)
def test_networks_that_cannot_be_made(
    more: list[str], named: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["learn", "--input", str(files["events"]), "--run-dir", str(files["run"]), *more]) == 2
    assert named in capsys.readouterr().err
    assert not files["run"].exists()


def _config(facts: dict[str, Any]) -> Any:
    from jsonargparse import ArgumentParser

    from lapilli.simulators.learning import LearningConfig

    parser = ArgumentParser()
    parser.add_class_arguments(LearningConfig, "learning")
    return parser.instantiate(parser.parse_object({"learning": facts["learning"]})).learning


def test_an_interrupted_run_goes_on_where_it_was(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "AT_ONCE", 3)
    assert cli.main(words(files, "--epochs", "2")) == 0
    whole = load(files["run"] / "model.net")
    files["run"] = files["run"].with_name("stopped")
    calls = []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return learn(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recorded, "learn", interrupted)
        assert cli.main(words(files, "--epochs", "2")) == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert not (files["run"] / "model.net").exists()
    assert cli.main(words(files, "--epochs", "2")) == 2
    assert "holds a learning run already; --resume goes on with it" in capsys.readouterr().err
    assert cli.main(words(files, "--epochs", "3", "--resume")) == 2
    assert "another network, other events or other options" in capsys.readouterr().err
    assert cli.main(words(files, "--epochs", "2", "--resume")) == 0
    assert load(files["run"] / "model.net") == whole


@pytest.mark.lava
def test_lava_and_the_twin_tell_the_same_story(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for backend in ("fast", "lava"):
        files["run"] = files["run"].with_name(backend)
        assert cli.main(words(files, "--watch", str(files["old"]), "--backend", backend, "--json")) == 0
        told.append(json.loads(capsys.readouterr().out))
    for name in ("fingerprint_after", "accuracy", "online_accuracy", "weight_change"):
        assert told[0][name] == told[1][name]
    assert told[0]["fingerprint_after"] != told[0]["fingerprint_before"]
    assert told[1]["operations"] is None


def test_samples_are_chosen_by_class(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    labels = Events.load(files["events"]).labels
    assert labels is not None
    chosen = int(labels[0])
    assert cli.main(words(files, "--classes", str(chosen), "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["samples"] == int(np.sum(labels == chosen))
    assert chosen not in facts["classes_never_seen"]
    assert 2 in facts["classes_never_seen"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--classes", "99"], "--classes: no sample is of class 99"),
        (["--groups", "4"], "--groups: event files do not say who a sample is from"),
        (["--layers", "hidden0"], "only the last layers of a network learn"),
        (["--learning.hidden.causal.mantissa", "-9"], "learning.hidden.causal.mantissa: must be -7…7, got -9"),
        (["--learning.readout.pre-tau", "-1"], "learning.readout.pre_tau: must be 0…1000000, got -1"),
        (["--data", "digits"], "needs --input FILE.npz, --data NAME or --stream FILE, one of them"),
        (["--learning.window", "999"], "window: must be at most"),
        (["--shuffle", "-1"], "shuffle: must be at least 0, got -1"),
    ],
)
def test_wrong_options_are_one_sentence(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    assert cli.main(words(files, *more)) == 2
    complaint = capsys.readouterr().err
    assert not files["run"].exists()
    assert sentence in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("name", ["model.net", "report.json", "samples.csv", "curve.svg"])
def test_files_of_something_else_are_not_overwritten(
    name: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files["run"].mkdir()
    (files["run"] / name).write_bytes(b"mine")
    for more in ([], ["--resume"]):
        assert cli.main([*words(files), *more]) == 2
        said = f"--run-dir: {files['run']} holds {name} of something else, which would be overwritten"
        assert said in capsys.readouterr().err
    assert [(path.name, path.read_bytes()) for path in files["run"].iterdir()] == [(name, b"mine")]


def test_what_is_read_is_not_overwritten(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Under its own name or another one, in the folder of a run that is there already too."""
    assert cli.main(words(files)) == 0
    learned = files["run"] / "model.net"
    before = learned.read_bytes()
    (files["run"].parent / "linked.net").symlink_to(learned)
    for path in (learned, files["run"].parent / "linked.net"):
        assert cli.main([*words({**files, "network": path}), "--resume"]) == 2
        assert f"--run-dir: {path}, which is read, would be overwritten" in capsys.readouterr().err
    watched = [*words(files), "--resume", "--watch", str(files["run"] / "record.npz")]
    assert cli.main(watched) == 2
    assert learned.read_bytes() == before


def test_two_at_once_are_one_too_many(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files["run"].mkdir()
    with locked(files["run"] / ".lock", "it"):
        assert cli.main(words(files)) == 2
        assert f"--run-dir: {files['run']} is in use by process {os.getpid()}" in capsys.readouterr().err
        assert [path.name for path in files["run"].iterdir()] == [".lock"]
    assert cli.main(words(files)) == 0
    assert not (files["run"] / ".lock").exists()


def test_a_watched_file_has_a_name_of_its_own(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files["old"].parent)
    Path("learnt").write_bytes(files["old"].read_bytes())
    assert cli.main(words(files, "--watch", "learnt")) == 2
    assert "--watch: 'learnt' is what the learnt samples are called; write ./learnt" in capsys.readouterr().err
    assert cli.main(words(files, "--watch", "./learnt", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"].keys() == {"learnt", "./learnt"}


def test_labels_that_are_no_class_are_refused(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    events = Events.load(files["events"])
    replace(events, labels=np.full(len(events), 50)).save(files["events"])
    assert cli.main(words(files)) == 2
    assert "the neurons of the readout, got 50 at sample 0" in capsys.readouterr().err
    replace(events, labels=None).save(files["events"])
    assert cli.main(words(files)) == 2
    assert "labels: missing; learning needs one for each sample" in capsys.readouterr().err


def test_a_data_set_is_learnt_by_name_and_some_of_its_groups(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Events.load(files["events"])
    groups = np.arange(len(events)) % 3
    samples = in_memory(events, groups=groups)
    found = SimpleNamespace(name="somewhere", part=lambda name: {"test": samples}[name], classes=("a", "b", "c"))
    monkeypatch.setattr(samples_module, "data_task", lambda config: found)
    chosen = ["--data", "somewhere", "--part", "test", "--run-dir", str(files["run"]), "--json"]
    assert cli.main(["learn", str(files["network"]), *chosen, "--groups", "0,2", *RULE]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["samples"] == int(np.sum(groups != 1))
    assert facts["data"]["name"] == "somewhere"
    expected = learn(load(files["network"]), events.select(np.flatnonzero(groups != 1)), _config(facts))
    assert load(files["run"] / "model.net") == expected.network
    assert cli.main(["learn", str(files["network"]), *chosen, "--groups", "7", "--resume", *RULE]) == 2
    assert "--groups: the test part of somewhere has no sample of 7" in capsys.readouterr().err
