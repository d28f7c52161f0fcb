"""Files that lapilli wrote before it became one package load, run, decide and go on as they did."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_files import FOLDER, NAMES, Golden, assert_as_before, golden, rows_of, unpacked

from lapilli import cli
from lapilli.netx_exports import Network, load, save
from lapilli.simulators import Events, RunResult, events_equal, run
from lapilli.simulators.decisions.decide import decide, decides, scores
from lapilli.simulators.recording.file import RecordingFile

RULE = (
    *("--learning.hidden.causal.mantissa=-3", "--learning.voltage-exp=15", "--learning.seed=3"),
    # The defaults of then.
    *("--layers=hidden1,readout", "--learning.readout.causal.mantissa=-1"),
)

ON_LAVA = ("plain-25", "plain-sigma-delta", "extended-ALIF", "extended-RF_PHASE", "readout-softmax_sum")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("golden"))


def run_as_before(known: Golden, network: Network, backend: Any) -> RunResult:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    return run(network, known.events, backend, n_steps=known.n_steps, record=record, reset=known.reset)


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("name", NAMES)
def test_networks_run_and_decide_as_before(folder: Path, name: str, backend: str) -> None:
    known = golden(folder, name)
    network = known.network()
    result = run_as_before(known, network, backend)
    assert_as_before(known, network, result)
    assert decides(network) == (known.decisions is not None)
    if known.decisions is not None:
        assert decide(result, network).tolist() == known.decisions
        assert scores(result, network).tolist() == known.scores


@pytest.mark.lava
@pytest.mark.parametrize("name", ON_LAVA)
def test_networks_run_on_lava_as_before(folder: Path, name: str) -> None:
    known = golden(folder, name)
    network = known.network()
    assert_as_before(known, network, run_as_before(known, network, "lava"))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_again_runs_the_same(folder: Path, tmp_path: Path, name: str) -> None:
    known = golden(folder, name)
    network = known.network()
    save(network, tmp_path / "again.net")
    again = load(tmp_path / "again.net")
    assert again == network
    if known.decisions is None:
        # What decides came into the fingerprint later.
        assert again.fingerprint == known.fingerprint
    result = run_as_before(known, again, "fast")
    assert_as_before(known, again, result)
    if known.decisions is not None:
        assert decide(result, again).tolist() == known.decisions


def test_a_written_event_file_is_what_the_network_answers(folder: Path) -> None:
    known = golden(folder, "readout-softmax_sum")
    simulated = Events.load(folder / "simulated.npz")
    assert np.array_equal(rows_of(simulated), known.arrays["output/spikes"])
    assert simulated.labels is not None
    assert np.array_equal(simulated.labels, known.events.labels)


def test_a_recording_is_what_the_network_does(folder: Path) -> None:
    known = golden(folder, "readout-softmax_sum")
    file = RecordingFile(folder / "recording.npz")
    found = file.read()
    expected = run_as_before(known, known.network(), "fast")
    assert file.samples.tolist() == [1, 3]
    assert file.n_steps == known.n_steps
    # The file's fingerprint is that of a network without what decides.
    assert file.fingerprint == known.fingerprint
    assert set(found) == {"input", "hidden", "output"}
    for name, recording in expected.recordings.items():
        assert np.array_equal(found[name].voltage, recording.voltage[[1, 3]])
        assert np.array_equal(found[name].current, recording.current[[1, 3]])
        assert events_equal(found[name].spikes, recording.spikes.select([1, 3]))


def test_a_table_holds_what_is_counted(folder: Path, tmp_path: Path) -> None:
    name = "readout-softmax_sum"
    given = [str(folder / f"{name}.net"), "--input", str(folder / f"{name}.events.npz")]
    path = tmp_path / "profile.csv"
    assert cli.main(["profile", *given, "--csv", str(path), "--tables", "horowitz-45nm-int8"]) == 0
    before, today = (measured_rows(file) for file in (folder / "profile.csv", path))
    assert len(before) > 20
    assert before.items() <= today.items()


def measured_rows(path: Path) -> dict[tuple[str, ...], str]:
    """Totals, by what they are of."""
    with open(path, newline="", encoding="utf-8") as file:
        names = ("samples", "input_steps", "steps", "part", "layer", "synapse", "table", "quantity", "unit")
        return {tuple(row[name] for name in names): row["total"] for row in csv.DictReader(file)}


def test_a_learning_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "half-learnt"
    shutil.copytree(folder / "half-learnt", run_dir)
    rest = ("--stream", str(folder / "rest.jsonl"), "--run-dir", str(run_dir), "--resume")
    assert cli.main(["learn", str(folder / "learner.net"), *RULE, *rest]) == 0
    assert load(run_dir / "model.net") == load(folder / "whole-learnt.net")


def test_a_finished_learning_run_is_repeated(folder: Path, tmp_path: Path) -> None:
    given = ("--input", str(folder / "learner.events.npz"), "--run-dir")
    assert cli.main(["learn", str(folder / "learner.net"), *RULE, *given, str(tmp_path / "again")]) == 0
    shutil.copytree(folder / "learnt", tmp_path / "learnt")
    # Nothing is left to learn: only the record is read.
    assert cli.main(["learn", str(folder / "learner.net"), *RULE, *given, str(tmp_path / "learnt"), "--resume"]) == 0
    known = golden(folder, "learnt")
    for path in ("again", "learnt"):
        network = load(tmp_path / path / "model.net")
        assert_as_before(known, network, run_as_before(known, network, "fast"))
        samples = (tmp_path / path / "samples.csv").read_text(encoding="utf-8")
        assert samples == (folder / "learnt" / "samples.csv").read_text(encoding="utf-8")


def test_the_files_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.iterdir() if path.is_file()]
    assert max(sizes) < 60_000
    assert sum(sizes) < 300_000
