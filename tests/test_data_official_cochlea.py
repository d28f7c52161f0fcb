"""SHD and SSC: files in the official format, at the places where tonic puts them."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from official_files import cochlea_recordings, md5, write_cochlea

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataError

WORDS = [f"word{number}" for number in range(35)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(tmp_path / "none"))
    return tmp_path


def write_shd(folder: Path) -> tuple[list, list]:
    train, test = cochlea_recordings(7, 0), cochlea_recordings(4, 1)
    write_cochlea(folder / "SHD/shd_train.h5", train, [0, 1, 2, 19, 4, 5, 6], [0, 8, 9, 1, 8, 2, 3], WORDS[:20])
    write_cochlea(folder / "SHD/shd_test.h5", test, [3, 2, 1, 0], [4, 5, 4, 8], WORDS[:20])
    return train, test


def binned(time: np.ndarray, unit: np.ndarray, bin_ms: float, n_steps: int, pool: int) -> np.ndarray:
    """Counts by the definition in papers/spikescr.md, section 2."""
    counts = np.zeros((-(-700 // pool), n_steps), int)
    ms = time.astype(np.float64) * 1000
    for when, which in zip(ms - ms[0], unit):
        counts[which // pool, int(np.floor(when / bin_ms + 1e-9))] += 1
    return counts


@pytest.mark.parametrize(("bin_ms", "pool"), [(10.0, 5), (25.0, 1)])
def test_shd_is_binned_as_by_the_definition(folder: Path, bin_ms: float, pool: int) -> None:
    train, test = write_shd(folder)
    found = prepared("shd", Framing(bin_ms=bin_ms, pool=pool))
    parts = {name: found.part(name).events().to_dense() for name in ("train", "validation", "test")}
    recordings = {
        "train": [train[i] for i in (0, 3, 5, 6)],
        "validation": [train[i] for i in (1, 2, 4)],
        "test": test,
    }
    for name, several in recordings.items():
        expected = np.stack([binned(one, two, bin_ms, found.n_steps, pool) for one, two in several])
        assert np.array_equal(parts[name], expected), name
    assert found.part("train").labels.tolist() == [0, 19, 5, 6]
    assert found.part("validation").groups.tolist() == [8, 9, 8]
    # Speaker 8 is in the official test part too, and stays there.
    assert found.part("test").groups.tolist() == [4, 5, 4, 8]
    assert found.classes[:2] == ("zero", "one")


def test_other_validation_speakers(folder: Path) -> None:
    write_shd(folder)
    found = prepared("shd", split=Split(validation_groups=(1,)))
    assert found.part("validation").groups.tolist() == [1]
    assert len(found.part("train")) == 6


def test_ssc_has_its_three_parts_and_words(folder: Path) -> None:
    for seed, (split, n) in enumerate((("train", 3), ("valid", 2), ("test", 2))):
        recordings = cochlea_recordings(n, seed)
        write_cochlea(folder / f"SSC/ssc_{split}.h5", recordings, [34] * n, range(n), WORDS)
    found = prepared("ssc")
    assert [len(found.part(part)) for part in ("train", "validation", "test")] == [3, 2, 2]
    assert found.classes == tuple(WORDS)
    again = prepared("ssc")
    assert again.classes == tuple(WORDS), "from the cache, too"


def test_archives_are_checked_and_unpacked_by_tonic(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonic.datasets import SHD

    train, _ = write_shd(folder)
    for part in ("train", "test"):
        file = folder / f"SHD/shd_{part}.h5"
        with zipfile.ZipFile(f"{file}.zip", "w") as archive:
            archive.write(file, file.name)
        file.unlink()
        monkeypatch.setattr(SHD, f"{part}_md5", md5(folder / f"SHD/shd_{part}.h5.zip"))
    assert len(prepared("shd").part("train")) == 4
    assert len(train) == 7


def test_without_files_and_network_the_error_names_the_archives(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", refused)
    for name, archive in (("shd", "SHD/shd_train.h5.zip, SHD/shd_test.h5.zip"), ("ssc", "SSC/ssc_valid.h5.zip")):
        with pytest.raises(LapilliError, match=f"{name} is not here.*no network.*put .*{archive}.* into {folder}"):
            prepared(name)
    assert capsys.readouterr().out == ""


def refused(*_: object, **__: object) -> None:
    raise OSError("no network")


def damaged(folder: Path, change: str) -> None:
    write_shd(folder)
    path = folder / "SHD/shd_train.h5"
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:3000])
        return
    if change == "no HDF5":
        path.write_bytes(b"<html>404</html>")
        return
    with h5py.File(path, "r+") as file:
        if change == "label":
            file["labels"][2] = 20
        elif change == "unit":
            file["spikes/units"][3] = np.full(len(file["spikes/times"][3]), 700)
        elif change == "NaN":
            file["spikes/times"][3] = np.full(len(file["spikes/times"][3]), np.nan)
        elif change == "empty":
            file["spikes/times"][3] = file["spikes/units"][3] = np.zeros(0)
        elif change == "uneven":
            file["spikes/units"][3] = np.zeros(1000)
        elif change == "missing":
            del file["extra/speaker"]
        elif change == "fewer":
            del file["labels"]
            file["labels"] = np.zeros(3, np.uint16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("truncated", r"shd_train.h5: missing, damaged or another file"),
        ("no HDF5", r"shd_train.h5: missing, damaged or another file"),
        ("label", r"shd_train.h5: labels: must be 0…19, got 20 at 2"),
        ("unit", r"shd_train.h5: recording \d+: unit 700, must be 0…699"),
        ("NaN", r"shd_train.h5: recording \d+: time is not a number"),
        ("empty", r"shd_train.h5: recording 3: empty"),
        ("uneven", r"shd_train.h5: recording 3: needs as many times as units"),
        ("missing", r"shd_train.h5: extra/speaker: missing"),
        ("fewer", r"shd_train.h5: spikes/times: needs 3 entries, got 7"),
    ],
)
def test_damaged_files_are_named(folder: Path, change: str, message: str) -> None:
    damaged(folder, change)
    with pytest.raises(DataError, match=message):
        prepared("shd")
    assert not [path for path in (folder / "prepared").iterdir() if not path.name.startswith(".")]


def test_spikes_that_are_not_in_order_are_sorted(folder: Path) -> None:
    train, _ = write_shd(folder)
    sorted_events = prepared("shd").part("train").events()
    backwards = [(time[::-1], unit[::-1]) for time, unit in train]
    write_cochlea(folder / "SHD/shd_train.h5", backwards, [0, 1, 2, 19, 4, 5, 6], [0, 8, 9, 1, 8, 2, 3], WORDS[:20])
    assert np.array_equal(prepared("shd").part("train").events().to_dense(), sorted_events.to_dense())
