"""Recordings: what the file holds is what `run` gives, however the work was split; limits; damaged files."""

import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amounts import amount
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout, save
from lapilli.simulators import Events, events_equal, run
from lapilli.simulators.files.event_file import EventFile, EventWriter
from lapilli.simulators.many import run_parts
from lapilli.simulators.recording import choice as recording
from lapilli.simulators.recording.choice import BoundedRecording, bounded_recording, choose_record, recorded_parts
from lapilli.simulators.recording.file import RecordingError, RecordingFile
from lapilli.simulators.recording.writer import recording_writer
from lapilli.simulators.results import RECORDABLE, Recording, recordable


def make_network() -> Network:
    rng = np.random.default_rng(0)
    hidden = Layer(
        "hidden", (2, 3, 2), CubaLif(90, 1024, 256), (DenseSynapse("input", rng.integers(-20, 30, (12, 6)) * 4),)
    )
    weights = rng.integers(-20, 30, (4, 12)) * 4
    output = Layer("output", (4,), CubaLif([60, 70, 80, 90], 900, 200), (DenseSynapse("hidden", weights),))
    return Network((6,), (hidden, output), readout=Readout("voltage_sum"))


def make_events(n_samples: int = 23, n_steps: int = 15, labels: bool = True) -> Events:
    rng = np.random.default_rng(1)
    return Events.from_dense(rng.random((n_samples, 6, n_steps)) < 0.3, np.arange(n_samples) % 4 if labels else None)


def record_to(path: Path, network: Network, file: EventFile, bounded: BoundedRecording, **options: Any) -> None:
    with recording_writer(path, bounded) as writer:
        for part, result in run_parts(network, recorded_parts(file, bounded, {}), n_steps=bounded.n_steps, **options):
            writer.add(part.events, result)
        writer.finish()


def assert_same(got: Recording, wanted: Recording) -> None:
    for kind in RECORDABLE:
        one, other = getattr(got, kind), getattr(wanted, kind)
        assert (one is None) == (other is None)
        if kind == "spikes" and one is not None:
            assert events_equal(one, other)
            assert one.shape == other.shape
            assert (one.labels is None) == (other.labels is None)
            assert one.labels is None or np.array_equal(one.labels, other.labels)
        elif one is not None:
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)


@settings(max_examples=60)
@given(case=cases(max_layers=3, max_samples=4, conv_delays=True), draw=st.data())
def test_the_file_holds_what_the_reference_records(
    tmp_path_factory: pytest.TempPathFactory, case: Case, draw: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    case.events.save(folder / "events.npz")
    file = EventFile(folder / "events.npz")
    samples = draw.draw(st.sets(st.integers(0, len(file) - 1)))
    full = choose_record(case.network, RECORDABLE[:1]) | {
        layer.name: recordable(layer) for layer in case.network.layers
    }
    record = {name: draw.draw(st.sets(st.sampled_from(kinds), min_size=1)) for name, kinds in full.items()}
    bounded = bounded_recording(case.network, case.n_steps, len(file), record, np.array(sorted(samples), np.int64))
    record_to(folder / "recording.npz", case.network, file, bounded)
    read = RecordingFile(folder / "recording.npz")
    assert read.fingerprint == case.network.fingerprint
    assert (read.n_steps, read.samples.tolist()) == (case.n_steps, sorted(samples))
    assert read.layers == bounded.layers
    chosen = case.events.select(sorted(samples)) if samples else case.events.select(slice(0, 0))
    result = run(case.network, chosen, "reference", n_steps=case.n_steps, record=bounded.record)
    wanted = {"input": Recording(chosen.with_steps(case.n_steps)), **result.recordings}
    got = read.read()
    assert list(got) == [layer.name for layer in bounded.layers]
    for name, found in got.items():
        assert_same(found, wanted[name])


@pytest.mark.parametrize(("jobs", "part_bytes"), [(1, 1 << 26), (1, 5000), (1, 1), (2, 3000)])
def test_the_file_does_not_depend_on_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, part_bytes: int
) -> None:
    monkeypatch.setattr(recording, "SAMPLES_AT_ONCE", 10)
    monkeypatch.setattr(recording, "PART_BYTES", part_bytes)
    network, events = make_network(), make_events()
    events.save(tmp_path / "events.npz")
    samples = np.array([0, 3, 4, 5, 6, 9, 10, 11, 22])
    bounded = bounded_recording(network, 17, 23, choose_record(network, ["spikes", "voltage"]), samples)
    record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded, jobs=jobs)
    read = RecordingFile(tmp_path / "r.npz")
    assert read.labels.tolist() == (samples % 4).tolist()
    whole = run(
        network, events, "reference", n_steps=17, record={"hidden": ["spikes", "voltage"], "output": ["voltage"]}
    )
    assert whole.recordings["hidden"].spikes.n_events > 100
    for wanted in ([3], [22, 0, 9], [5, 5], [], samples.tolist()):
        got = read.read(wanted, {"hidden": ["spikes", "voltage"], "output": ["voltage"]})
        voltage = whole.recordings["hidden"].voltage[wanted]
        assert_same(got["hidden"], Recording(whole.recordings["hidden"].spikes.select(wanted), voltage=voltage))
        assert_same(got["output"], Recording(voltage=whole.recordings["output"].voltage[wanted]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.npz", "r.npz"]


def test_numpy_reads_it_by_names_that_speak(tmp_path: Path) -> None:
    network, events = make_network(), make_events(2)
    events.save(tmp_path / "events.npz")
    bounded = bounded_recording(network, 15, 2, choose_record(network, ["spikes", "voltage"], ["hidden", "output"]))
    record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded)
    with np.load(tmp_path / "r.npz") as archive:
        assert archive["hidden/voltage"].shape == (2, 2, 3, 2, 15)
        assert int(archive["hidden/voltage_threshold"]) == 90 << 6
        assert "output/voltage_threshold" not in archive
        assert archive["output/offsets"].tolist()[0] == 0


def test_values_of_graded_spikes_may_begin_late(tmp_path: Path) -> None:
    weights = np.full((3, 6), 20)
    network = Network(
        (6,), (Layer("a", (3,), CubaLif(90, 1024, 256), (DenseSynapse("input", weights),)),), graded_input=True
    )
    dense = np.asarray(make_events(20).to_dense())
    dense[7] *= 5
    events = Events.from_dense(dense)
    bounded = bounded_recording(network, 15, 20, choose_record(network, ["spikes"], ["input"]))
    with recording_writer(tmp_path / "r.npz", bounded) as writer:
        for first in range(0, 20, 4):
            part = Events.from_dense(dense[first : first + 4])
            assert (part.value is None) == (first != 4)
            writer.add(part, run(network, part))
        writer.finish()
    assert events_equal(RecordingFile(tmp_path / "r.npz").read()["input"].spikes, events)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PART_BYTES", 1 << 20)
    rng = np.random.default_rng(0)
    synapse = DenseSynapse("input", rng.integers(-20, 30, (100, 6)) * 4)
    network = Network((6,), (Layer("a", (100,), CubaLif(90, 1024, 256), (synapse,)),))
    part = Events.from_dense(rng.random((64, 6, 100)) < 0.3)
    peaks, sizes = [], []
    # The first round loads the kernels.
    for n_parts in (1, 2, 8):
        with EventWriter(tmp_path / "events.npz", 100, (6,)) as writer:
            for _ in range(n_parts):
                writer.add(part)
        record = choose_record(network, ["spikes", "voltage"])
        bounded = bounded_recording(network, 100, 64 * n_parts, record)
        tracemalloc.start()
        record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(bounded.state_bytes)
    assert sizes[2] == 4 * sizes[1] > 20_000_000
    assert peaks[2] < 1.1 * peaks[1] < 8 << 20


def test_a_recording_beyond_the_limits_is_refused_before_anything_runs() -> None:
    network = make_network()
    record = choose_record(network, ["voltage"])
    with pytest.raises(
        LapilliError, match=r"states of 1000000 samples take 6,104 MiB, more than the limit of 4,096 MiB"
    ):
        bounded_recording(network, 100, 10**6, record)
    bounded_recording(network, 100, 10**6, record, np.arange(600_000))
    with pytest.raises(
        LapilliError, match=r"one sample can take 611 MiB, more than the limit of 512 MiB; choose fewer"
    ):
        bounded_recording(network, 10**7, 1, record)


def test_what_is_always_recorded_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SAMPLES_AT_ONCE", 10)
    monkeypatch.setattr(recording, "PART_BYTES", 1500)
    make_events().save(tmp_path / "events.npz")
    file, network = EventFile(tmp_path / "events.npz"), make_network()
    bounded = bounded_recording(network, 15, 23, choose_record(network, ["voltage"], ["hidden"]), np.arange(5))
    always = {"output": ["voltage"]}
    # 12 neurons x 15 steps x 4 bytes, of which two samples would fit; with 4 more neurons one does.
    assert bounded.sample_bytes(bounded.record) == 720
    assert [len(part.events) for part in recorded_parts(file, bounded, {})] == [2, 2, 1, 5, 10, 3]
    assert [len(part.events) for part in recorded_parts(file, bounded, always)] == [1, 1, 1, 1, 1, 5, 6, 4, 3]
    monkeypatch.setattr(recording, "SAMPLE_LIMIT", 900)
    assert list(recorded_parts(file, bounded, {}))
    with pytest.raises(LapilliError, match="recording: one sample can take 1 MiB, more than the limit of 1 MiB"):
        list(recorded_parts(file, bounded, always))


def test_more_layers_than_a_file_may_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_LAYERS", 1)
    network = make_network()
    bounded_recording(network, 15, 1, choose_record(network, ["voltage"], ["hidden"]))
    with pytest.raises(LapilliError, match="recording: must be of at most 1 layers, got 2; choose fewer"):
        bounded_recording(network, 15, 1, choose_record(network, ["voltage"]))


def test_spikes_beyond_the_limit_end_the_run_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FILE_LIMIT", 6000)
    network = make_network()
    make_events().save(tmp_path / "events.npz")
    bounded = bounded_recording(network, 15, 23, choose_record(network, ["spikes"]))
    with pytest.raises(LapilliError, match="recording: 23 of 23 samples take more than the limit"):
        record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded)
    assert [path.name for path in tmp_path.iterdir()] == ["events.npz"]


def test_choices_are_checked() -> None:
    network = make_network()
    assert choose_record(network, ["voltage", "spikes"], ["input", "output"]) == {
        "input": ("spikes",),
        "output": ("spikes", "voltage"),
    }
    for kinds, layers, message in (
        (["membrane"], None, "record: must be one of spikes, current, voltage, got 'membrane'"),
        (["spikes"], ["hiden"], "layers: must be one of input, hidden, output, got 'hiden'; did you mean hidden?"),
        (["voltage"], ["input"], "record: no chosen layer has 'voltage'; 'input' has spikes"),
        (["voltage"], ["input", "hidden"], "record: layer 'input' has only spikes"),
        (["sigma", "spikes"], None, "no chosen layer has 'sigma'"),
    ):
        with pytest.raises(LapilliError, match=message):
            choose_record(network, kinds, layers)
    with pytest.raises(LapilliError, match="samples: must be of the 5 in the file, got 2…5"):
        bounded_recording(network, 15, 5, {}, np.array([5, 2]))


def test_what_was_not_recorded_is_named(tmp_path: Path) -> None:
    network = make_network()
    make_events(9).save(tmp_path / "events.npz")
    bounded = bounded_recording(network, 15, 9, choose_record(network, ["spikes"], ["hidden"]), np.array([2, 7]))
    record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded)
    read = RecordingFile(tmp_path / "r.npz")
    with pytest.raises(LapilliError, match="sample 3 was not recorded; recorded are 2, 7"):
        read.read([3])
    with pytest.raises(LapilliError, match="no layer 'output' was recorded; recorded are hidden"):
        read.read([2], {"output": ["spikes"]})
    with pytest.raises(LapilliError, match="no voltage of layer 'hidden' was recorded, only spikes"):
        read.read([2], {"hidden": ["voltage"]})


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Any]:
    network = make_network()
    make_events(5).save(tmp_path / "events.npz")
    bounded = bounded_recording(network, 15, 5, choose_record(network, ["spikes", "voltage"]))
    record_to(tmp_path / "r.npz", network, EventFile(tmp_path / "events.npz"), bounded)
    with np.load(tmp_path / "r.npz") as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": None}, "schema: missing"),
        ({"samples": None}, "samples: missing"),
        ({"schema": np.int64(2)}, "schema: 1 is read, got 2"),
        ({"n_steps": np.array([15])}, r"n_steps: must be of shape \(\), got \(1,\)"),
        ({"n_steps": np.int64(16)}, r"layer 'hidden': voltage: must be int32 of shape \(5, 2, 3, 2, 16\), got int32"),
        ({"n_steps": np.int64(-1)}, "n_steps: must be 1"),
        ({"fingerprint": np.zeros(31, np.uint8)}, "fingerprint: must be of shape"),
        ({"samples": np.array([0, 1, 3, 2, 4])}, "samples: must be rising"),
        ({"samples": np.array([-1, 1, 2, 3, 4])}, "samples: must be rising"),
        ({"samples": np.arange(6)}, "labels: needs one entry for each of 6 samples"),
        ({"labels": np.arange(6)}, "labels: needs one entry for each of 5 samples"),
        ({"other": np.arange(6)}, "other: unknown entry"),
        ({"hidden/other": np.arange(6)}, "layer 'hidden': other: unknown entry"),
        ({"hidden/shape": None}, "layer 'hidden': shape: missing"),
        ({"hidden/shape": np.array([1 << 40])}, "layer 'hidden': shape: must be"),
        ({"hidden/shape": np.array([2, 6])}, "layer 'hidden': shape: must be"),
        ({"hidden/shape": np.array([[12]])}, "layer 'hidden': shape: must be one to three numbers"),
        ({"hidden/step": None}, "layer 'hidden': step: missing"),
        ({"hidden/step": np.zeros(3, np.int32)}, "layer 'hidden': step: needs [0-9]+ entries"),
        ({"hidden/offsets": np.array([0, 5, 3, 9, 9, 9])}, "layer 'hidden': offsets: must rise from 0"),
        ({"hidden/voltage": np.zeros((5, 12, 15), np.int32)}, "layer 'hidden': voltage: must be int32 of shape"),
        ({"hidden/voltage": np.zeros((5, 2, 3, 2, 15), np.int64)}, "voltage: must be int32 of shape .* got int64"),
        ({"hidden/voltage_threshold": np.zeros(2, int)}, "voltage_threshold: must be one number"),
        ({"input/voltage": np.zeros((5, 6, 15), np.int32)}, "layer 'input': the input has only spikes"),
        ({"a/b/voltage": np.zeros((5, 6, 15), np.int32)}, "layer 'a/b': name: must be"),
        ({"empty/shape": np.array([4])}, "layer 'empty': nothing was recorded"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, good: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    arrays = {name: array for name, array in (good | changes).items() if array is not None}
    np.savez(tmp_path / "r.npz", **arrays)
    with pytest.raises(RecordingError, match=message) as raised:
        RecordingFile(tmp_path / "r.npz")
    assert "\n" not in str(raised.value)


def test_bad_spikes_are_named_when_they_are_read(tmp_path: Path, good: dict[str, Any]) -> None:
    good["hidden/step"][-1] = 99
    np.savez(tmp_path / "r.npz", **good)
    read = RecordingFile(tmp_path / "r.npz")
    assert read.read([0])["hidden"].spikes.n_events > 0
    with pytest.raises(RecordingError, match="layer 'hidden': step: must be 0…14, got 99"):
        read.read([4])


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    make_events(5).save(tmp_path / "events.npz")
    with pytest.raises(RecordingError, match="schema: missing; fingerprint: missing"):
        RecordingFile(tmp_path / "events.npz")
    (tmp_path / "text").write_text("nothing")
    with pytest.raises(RecordingError, match="not an npz file"):
        RecordingFile(tmp_path / "text")
    with pytest.raises(LapilliError, match="cannot read"):
        RecordingFile(tmp_path / "none")


@pytest.mark.slow
@settings(max_examples=amount(120, 300))
@given(draw=st.data())
def test_a_damaged_file_gives_its_error_or_the_right_content(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    """Every array read is compared with its checksum: no flipped bit passes as another membrane."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / "intact.npz"
    if not path.exists():
        make_events(5).save(folder / "fuzz_events.npz")
        network = make_network()
        bounded = bounded_recording(network, 15, 5, choose_record(network, ["spikes", "voltage"]))
        record_to(path, network, EventFile(folder / "fuzz_events.npz"), bounded)
    content, intact = bytearray(path.read_bytes()), RecordingFile(path)
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(content) - 1))
        content[place] ^= draw.draw(st.integers(1, 255))
    if draw.draw(st.booleans()):
        del content[draw.draw(st.integers(0, len(content))) :]
    (folder / "damaged.npz").write_bytes(content)
    try:
        damaged = RecordingFile(folder / "damaged.npz")
        found = damaged.read([3])
    except LapilliError:
        return
    wanted = intact.read([3])
    for name, layer in found.items():
        for kind in ("spikes", "voltage"):
            one = getattr(layer, kind)
            if kind == "spikes" and one is not None:
                assert events_equal(one, wanted[name].spikes)
            elif one is not None:
                assert np.array_equal(one, getattr(wanted[name], kind))


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    try:
        status = cli.main([str(word) for word in words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save(make_network(), tmp_path / "model.net")
    make_events().save(tmp_path / "events.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


SIMULATE = ("simulate", "model.net", "--input", "events.npz", "--out", "out.npz")


@pytest.mark.parametrize("options", [(), ("--jobs", "2"), ("--backend", "reference")])
def test_simulate_records(files: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    chosen = (
        "--record",
        "voltage,spikes",
        "--recording",
        "r.npz",
        "--layers",
        "output,input",
        "--record-samples",
        "0,3,5:8,21:",
    )
    status, out, err = call(capsys, *SIMULATE, "--n-steps", 17, *chosen, *options, "--json")
    assert status == 0, err
    facts = json.loads(out)
    assert (facts["recording"], facts["recorded_samples"]) == ("r.npz", 7)
    read = RecordingFile("r.npz")
    samples = [0, 3, 5, 6, 7, 21, 22]
    assert read.samples.tolist() == samples
    whole = run(make_network(), make_events(), "reference", n_steps=17, record={"output": ["voltage"]})
    assert events_equal(Events.load("out.npz"), whole.spikes)
    assert np.array_equal(read.read()["output"].voltage, whole.recordings["output"].voltage[samples])
    assert events_equal(read.read()["input"].spikes, make_events().with_steps(17).select(samples))
    decided = whole.recordings["output"].voltage.sum(axis=-1).argmax(axis=1)
    assert facts["accuracy"] == np.mean(decided == make_events().labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--record", "spikes"), "--record needs --recording FILE.npz"),
        (("--record-samples", "3"), "--record-samples needs --recording FILE.npz"),
        (("--recording", "r.npz"), "--recording needs --record"),
        (("--recording", "r.npz", "--record", ""), "--record: must be names separated by commas, got ''"),
        (("--recording", "r.npz", "--record", "spikes,,voltage"), "--record: must be names separated by commas"),
        (
            ("--recording", "r.npz", "--record", "spike"),
            "--record: must be one of spikes, current, voltage, got 'spike'; did you mean spikes?",
        ),
        (
            ("--recording", "r.npz", "--record", "spikes", "--layers", "x"),
            "--layers: must be one of input, hidden",
        ),
        (
            ("--recording", "r.npz", "--record", "spikes", "--record-samples", "23"),
            "--record-samples: must be below 23, got 23",
        ),
        (
            ("--recording", "r.npz", "--record", "spikes", "--record-samples", "5:30"),
            "--record-samples: must be within 0:23 and not",
        ),
        (
            ("--recording", "r.npz", "--record", "spikes", "--record-samples", "5:5"),
            "--record-samples: must be within 0:23 and not",
        ),
        (("--recording", "r.npz", "--record", "spikes", "--record-samples", "-1"), "--record-samples"),
        (
            ("--recording", "r.npz", "--record", "spikes", "--record-samples", "1,x"),
            "must be numbers and ranges as 0,3,5:8, got",
        ),
        (("--recording", "out.npz", "--record", "spikes"), "--out and --recording must not be the same file"),
        (("--recording", "events.npz", "--record", "spikes"), "--recording must not be the file events.npz"),
        (("--recording", "no/r.npz", "--record", "spikes"), "cannot write no/r.npz"),
    ],
)
def test_wrong_options_are_one_sentence_and_leave_nothing(
    files: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    status, _, err = call(capsys, *SIMULATE, *options)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in files.iterdir()) == ["events.npz", "model.net"]


def test_names_of_layers_may_hold_anything_printable(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    neuron, synapse = CubaLif(90, 1024, 256), DenseSynapse("input", np.full((3, 6), 40))
    names = ("a, b", "..", "schema", "C:\\层", "input.npy")
    layers = tuple(Layer(name, (3,), neuron, (synapse,)) for name in names)
    save(Network((6,), layers), "model.net")
    options = ("--record", "voltage", "--recording", "r.npz")
    assert call(capsys, *SIMULATE, *options)[0] == 0
    assert tuple(layer.name for layer in RecordingFile("r.npz").layers) == names
    assert len(zipfile.ZipFile("r.npz").namelist()) == 5 + 3 * len(names)
    assert call(capsys, *SIMULATE, *options, "--layers", '"a, b",..')[0] == 0
    assert tuple(layer.name for layer in RecordingFile("r.npz").layers) == names[:2]


def test_a_recording_that_was_replaced_is_not_read_on(tmp_path: Path) -> None:
    path, network = tmp_path / "inside.npz", make_network()

    def record(n_samples: int) -> RecordingFile:
        make_events(n_samples).save(tmp_path / "events.npz")
        bounded = bounded_recording(network, 15, n_samples, choose_record(network, ["spikes"]))
        record_to(path, network, EventFile(tmp_path / "events.npz"), bounded)
        return RecordingFile(path)

    opened = record(9)
    record(5)
    with pytest.raises(RecordingError, match="has changed since it was opened"):
        opened.read()
