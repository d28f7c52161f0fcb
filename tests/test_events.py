"""`Events`: dense and back, tonic, files, and what is refused."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, EventsError, events_equal
from lapilli.simulators.files import archives
from lapilli.simulators.files.archives import open_members, read_arrays


def some_events(graded: bool = False, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    dense = (rng.random((4, 2, 3, 3, 6)) < 0.2) * (rng.integers(-9, 10, (4, 2, 3, 3, 6)) if graded else 1)
    return Events.from_dense(dense, labels=rng.integers(0, 9, 4))


@pytest.mark.parametrize("graded", [False, True])
def test_dense_and_back(graded: bool) -> None:
    events = some_events(graded)
    again = Events.from_dense(events.to_dense(), events.labels)
    assert events.n_events > 20
    assert (events.value is not None) == graded
    assert events_equal(events, again)


@pytest.mark.parametrize("graded", [False, True])
def test_file_and_back(tmp_path: Path, graded: bool) -> None:
    events = some_events(graded)
    events.save(tmp_path / "events.npz")
    again = Events.load(tmp_path / "events.npz")
    assert events_equal(events, again)
    assert again.labels.tolist() == events.labels.tolist()
    assert again.shape == (2, 3, 3)
    with np.load(tmp_path / "events.npz") as arrays:
        types = {name: arrays[name].dtype.name for name in arrays.files}
    expected = {"step": "int32", "neuron": "int32", "offsets": "int64", "n_steps": "int64", "shape": "int64"}
    assert types == {**expected, "labels": "int64", **({"value": "int32"} if graded else {})}


@given(st.integers(0, 2**32 - 1))
def test_select_and_with_steps_do_what_dense_indexing_does(seed: int) -> None:
    events = some_events(graded=seed % 2 == 1, seed=seed)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, 4, rng.integers(0, 7))
    steps = int(rng.integers(0, 9))
    dense = events.to_dense()[chosen]
    padded = np.concatenate([dense, np.zeros((*dense.shape[:-1], 9), int)], axis=-1)[..., :steps]
    result = events.select(chosen).with_steps(steps)
    np.testing.assert_array_equal(result.to_dense(), padded)
    assert result.labels.tolist() == events.labels[chosen].tolist()


def test_from_tonic_orders_drops_and_merges() -> None:
    fields = [("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", bool)]
    recording = np.array([(2500, 1, 0, 1), (100, 2, 1, 0), (120, 2, 1, 0), (9900, 0, 0, 0)], fields)
    events = Events.from_tonic([recording, recording[:0]], (3, 2, 2), step_us=1000, n_steps=5, labels=[7, 8])
    assert events.shape == (2, 2, 3)
    assert events.step.tolist() == [0, 2]
    assert events.neuron.tolist() == [5, 7]
    assert events.offsets.tolist() == [0, 2, 2]
    audio = np.array([(10, 5), (2000, 3)], [("t", np.int64), ("x", np.int16)])
    assert Events.from_tonic([audio], (7, 1, 1), 1000, 4).shape == (7,)
    with pytest.raises(EventsError, match="outside the sensor"):
        Events.from_tonic([audio], (4, 1, 1), 1000, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": [0, 0, 9]}, r"step: must be 0…4, got 9 at event 2"),
        ({"neuron": [0, 4, 1]}, r"neuron: must be 0…3, got 4 at event 1"),
        ({"neuron": [-1, 1, 1]}, r"neuron: must be 0…3, got -1 at event 0"),
        ({"step": [1, 0, 2], "offsets": [0, 2, 3]}, r"sorted.*event 1 is not"),
        ({"neuron": [1, 1, 1], "step": [0, 0, 2], "offsets": [0, 2, 3]}, r"sorted.*event 1 is not"),
        ({"neuron": [0, 1]}, r"neuron: needs 3 entries as step has, got 2"),
        ({"offsets": [0, 2]}, r"offsets: must rise from 0 to the number of events, 3"),
        ({"offsets": [0, 4, 3]}, r"offsets: must rise"),
        ({"offsets": []}, r"offsets: must rise"),
        ({"n_steps": -1}, r"n_steps: must be 0…"),
        ({"shape": (2, 2)}, r"shape: must be \(N,\) or \(C, H, W\)"),
        ({"shape": (1 << 30,)}, r"shape: must be"),
        ({"value": [1, 0, 2]}, r"value: needs one entry other than 0"),
        ({"labels": [1]}, r"labels: needs one entry for each of 2 samples"),
        ({"step": [0.5, 1.0, 2.0]}, r"step: must be integers"),
        ({"step": [0, 1, 2**32 + 1]}, r"step: must fit int32, got 0…4294967297"),
        ({"neuron": [0, 1, 2**32 + 1]}, r"neuron: must fit int32"),
        ({"value": [1, 2, -(2**31) - 1]}, r"value: must fit int32"),
    ],
)
def test_contradictions_are_named(changes: dict, message: str) -> None:
    arguments = {"step": [0, 1, 2], "neuron": [0, 1, 1], "offsets": [0, 1, 3], "n_steps": 5, "shape": (4,)} | changes
    with pytest.raises(EventsError, match=message):
        Events(**arguments)


def test_the_same_step_and_neuron_may_come_again_in_the_next_sample() -> None:
    step, neuron, offsets = (np.array(values) for values in ([3, 3, 0], [2, 2, 0], [0, 1, 1, 2, 3]))
    events = Events(step, neuron, offsets, 5, (4,))
    assert len(events) == 4


def good_arrays() -> dict:
    events = some_events()
    arrays = {"step": events.step, "neuron": events.neuron, "offsets": events.offsets}
    return arrays | {"n_steps": np.int64(6), "shape": np.array([2, 3, 3])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": None}, "step: missing"),
        ({"extra": np.zeros(3, int)}, "extra: unknown entry"),
        ({"n_steps": np.array([6, 7])}, "n_steps: must be one number"),
        ({"shape": np.zeros((2, 2), int)}, "shape: must be one to three numbers"),
        ({"step": np.full(3, np.nan)}, "step: must be integers and complete, got float64"),
        ({"neuron": np.array(["a", "b"])}, "neuron: must be integers and complete"),
        ({"n_steps": np.int64(-3)}, "n_steps: must be"),
        ({"step": good_arrays()["step"][::-1]}, "sorted"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, changes: dict, message: str) -> None:
    arrays = {name: array for name, array in (good_arrays() | changes).items() if array is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(EventsError, match=message):
        Events.load(tmp_path / "bad.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", **good_arrays() | {"step": np.array([{"a": 1}], object)})
    with pytest.raises(EventsError, match="step: must be integers"):
        Events.load(tmp_path / "bad.npz")


def test_a_header_that_claims_gigabytes_is_not_believed(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (1 << 40,)})
    np.savez(tmp_path / "bad.npz", **{name: a for name, a in good_arrays().items() if name != "step"})
    with zipfile.ZipFile(tmp_path / "bad.npz", "a") as archive:
        archive.writestr("step.npy", header.getvalue() + b"\0" * 64)
    with pytest.raises(EventsError, match="step: must be integers and complete"):
        Events.load(tmp_path / "bad.npz")


def test_arrays_of_the_same_name_are_refused(tmp_path: Path) -> None:
    """Whoever reads the file next might take the other one."""
    some_events().save(tmp_path / "bad.npz")
    with zipfile.ZipFile(tmp_path / "bad.npz", "a") as archive:
        archive.writestr("step", archive.read("step.npy"))
    with pytest.raises(EventsError, match=r"bad\.npz: step: stands in the archive twice"):
        Events.load(tmp_path / "bad.npz")


def test_archives_of_too_many_arrays_are_refused_before_any_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_events().save(tmp_path / "events.npz")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 7)
    assert Events.load(tmp_path / "events.npz").n_events > 0
    monkeypatch.setattr(archives, "MAX_MEMBERS", 4)
    monkeypatch.setattr(archives, "_header", None)
    with pytest.raises(EventsError, match=r"must hold at most 4 arrays, got [5-7]"):
        Events.load(tmp_path / "events.npz")


def test_a_silent_recording_is_no_bomb(tmp_path: Path) -> None:
    """Deflate makes a thousandth of zeros: that is honest, and documented in docs/reference/formats.md."""
    np.savez_compressed(tmp_path / "zeros.npz", zeros=np.zeros(25_000_000, np.int32))
    assert (tmp_path / "zeros.npz").stat().st_size < 100_000
    assert not read_arrays(tmp_path / "zeros.npz", EventsError)["zeros"].any()
    page = (Path(__file__).parents[1] / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    limits = " ".join(page.split())
    assert f"{archives._MAX_INFLATION:,} times" in limits
    assert f"{archives.MAX_MEMBERS:,} arrays" in limits


def test_damaged_files_give_an_error_and_nothing_else(tmp_path: Path) -> None:
    some_events().save(tmp_path / "good.npz")
    good = (tmp_path / "good.npz").read_bytes()
    rng = np.random.default_rng(0)
    refused = read = 0
    for attempt in range(400):
        damaged = bytearray(good)
        if attempt % 4 == 0:
            damaged = damaged[: rng.integers(0, len(good))]
        for _ in range(rng.integers(1, 4) if damaged else 0):
            damaged[rng.integers(0, len(damaged))] ^= 1 << rng.integers(0, 8)
        (tmp_path / "bad.npz").write_bytes(damaged)
        try:
            Events.load(tmp_path / "bad.npz")
        except LapilliError as error:
            refused += str(tmp_path / "bad.npz") in str(error)
        else:
            read += 1
    assert refused + read == 400
    assert refused > 300


@pytest.mark.parametrize("name", ["missing.npz", "folder"])
def test_unreadable_paths_are_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LapilliError, match=f"cannot read .*{name}"):
        Events.load(tmp_path / name)


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "events.npz"
    some_events().save(target)
    before = target.read_bytes()
    program = (
        "import resource, signal, sys, numpy as np\n"
        "from lapilli.simulators import Events; from lapilli.netx_exports import LapilliError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "events = Events.from_dense(np.random.default_rng(0).random((50, 40, 50)) < 0.5)\n"
        "try: events.save(sys.argv[1])\n"
        "except LapilliError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {target}: ")
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["events.npz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LapilliError, match="cannot write"):
        some_events().save(tmp_path / "events.npz")


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot write .*: No such file or directory"):
        some_events().save(tmp_path / "nowhere" / "events.npz")


def test_floats_and_texts_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "scale": np.float64(0.5),
        "name": np.array([b"a", b"bc"]),
        "word": np.array(["ä", "b"]),
        "n": np.arange(3),
    }
    np.savez(tmp_path / "mixed.npz", **arrays)
    with open_members(tmp_path / "mixed.npz", EventsError, "iufSU") as members:
        found = {name: member.read_all() for name, member in members.items()}
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    with (
        pytest.raises(EventsError, match=r"scale: must be integers, bytes and complete, got float64.*word: must be"),
        open_members(tmp_path / "mixed.npz", EventsError, "iuS"),
    ):
        pass
    np.savez(tmp_path / "objects.npz", name=np.array([{}], object))
    with pytest.raises(EventsError), open_members(tmp_path / "objects.npz", EventsError, "iufSU"):
        pass
