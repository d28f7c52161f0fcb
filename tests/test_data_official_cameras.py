"""Event cameras in their official formats, read by tonic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from official_files import aedat4_bytes, camera_events, md5, npy_bytes, saccade_bytes, write_tar, write_zip

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing
from lapilli.training.data.official.cameras import _in_order
from lapilli.training.data.sets import DataError, PartName


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tonic.dataset import Dataset

    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(tmp_path / "none"))
    # tonic counts the files of a set to see whether it is whole; these are small.
    monkeypatch.setattr(
        Dataset,
        "_folder_contains_at_least_n_files_of_type",
        lambda self, _, kind: bool(list(Path(self.location_on_system, self.folder_name).glob(f"**/*{kind}"))),
    )
    return tmp_path


def binned(events: np.ndarray, shape: tuple[int, int, int], bin_us: int, n_steps: int, pool: int = 1) -> np.ndarray:
    counts = np.zeros((*shape, n_steps), int)
    for t, x, y, p in events:
        step = (t - events[0, 0]) // bin_us
        if step < n_steps:
            counts[p, y // pool, x // pool, step] += 1
    return counts


def write_nmnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    from tonic.datasets import NMNIST

    written: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for part in written:
        files = {}
        for number in range(22):
            events = camera_events(50 + number, 34, 34, 310_000, number)
            written[part].append(events)
            files[f"{part.title()}/{number % 2}/{number:05d}.bin"] = saccade_bytes(events)
        write_zip(folder / f"NMNIST/{part}.zip", files)
        monkeypatch.setattr(NMNIST, f"{part}_md5", md5(folder / f"NMNIST/{part}.zip"))
    return written


def test_nmnist_is_unpacked_and_binned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_nmnist(folder, monkeypatch)
    found = prepared("n-mnist")
    assert (found.shape, found.n_steps, found.step_ms) == ((2, 34, 34), 30, 10.0)
    # Files of digit 0 come first; every tenth of a class is for validation.
    train = [number for number in [*range(0, 22, 2), *range(1, 22, 2)] if number not in (18, 19)]
    expected: dict[PartName, Any] = {"train": [written["train"][number] for number in train]}
    expected["validation"] = [written["train"][number] for number in (18, 19)]
    expected["test"] = [written["test"][number] for number in [*range(0, 22, 2), *range(1, 22, 2)]]
    for part, recordings in expected.items():
        dense = np.stack([binned(events, (2, 34, 34), 10_000, 30) for events in recordings])
        assert np.array_equal(found.part(part).events().to_dense(), dense), part
    assert found.part("train").labels.tolist() == [0] * 10 + [1] * 10
    last = [min(int(events[-1, 0] - events[0, 0]) // 10_000 + 1, 30) for events in expected["train"]]
    assert found.part("train").lengths.tolist() == last


def test_cameras_are_cropped_and_pooled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_nmnist(folder, monkeypatch)
    found = prepared("n-mnist", Framing(bin_ms=100, crop=32, pool=2, values="binary"))
    assert (found.shape, found.n_steps) == ((2, 16, 16), 3)
    events = written["train"][0]
    kept = events[np.all((events[:, 1:3] >= 1) & (events[:, 1:3] < 33), axis=1)] - [0, 1, 1, 0]
    kept[:, 0] -= events[0, 0]
    dense = np.zeros((2, 16, 16, 3), int)
    for t, x, y, p in kept[kept[:, 0] < 300_000]:
        dense[p, y // 2, x // 2, t // 100_000] = 1
    assert np.array_equal(found.part("train").select([0]).to_dense()[0], dense)


def test_gestures_come_with_their_users(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonic.datasets import DVSGesture

    users = {"Train": (2, 10, 21), "Test": (24,)}
    written = {}
    for part, chosen in users.items():
        files = {}
        for user in chosen:
            for label in (0, 10):
                events = camera_events(80, 128, 128, 2000, user * 100 + label)
                written[user, label] = events * [1000, 1, 1, 1]
                content = npy_bytes(events[:, [1, 2, 3, 0]].astype(np.float64))
                files[f"ibmGesture{part}/user{user:02d}_led/{label}.npy"] = content
        path = folder / f"DVSGesture/ibmGesture{part}.tar.gz"
        write_tar(path, files)
        monkeypatch.setattr(DVSGesture, f"{part.lower()}_md5", md5(path))
    # Of the four validation users, there is one here.
    monkeypatch.setattr("lapilli.training.data.official.cameras.GESTURE_VALIDATION_USERS", (21,))
    found = prepared("dvs-gesture", Framing(pool=4))
    assert (found.shape, found.n_steps, found.step_ms) == ((2, 32, 32), 50, 30.0)
    assert found.part("train").groups.tolist() == [2, 2, 10, 10]
    assert found.part("validation").groups.tolist() == [21, 21]
    assert found.part("test").groups.tolist() == [24, 24]
    assert found.part("train").labels.tolist() == [0, 10, 0, 10]
    assert found.classes[10] == "Other gestures"
    dense = binned(written[10, 10], (2, 32, 32), 30_000, 50, pool=4)
    assert np.array_equal(found.part("train").select([3]).to_dense()[0], dense)


def test_caltechs_inner_archive_is_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonic.datasets import NCALTECH101

    events = {}
    files = {}
    for name in ("ant", "bass"):
        for number in range(1, 13):
            events[name, number] = camera_events(40, 150, 200, 299_000, number)
            files[f"Caltech101/{name}/image_{number:04d}.bin"] = saccade_bytes(events[name, number])
    inner = folder / "inner.zip"
    write_zip(inner, files)
    path = folder / "NCALTECH101/N-Caltech101-archive.zip"
    write_zip(path, {"N-Caltech101-archive/Caltech101.zip": inner.read_bytes()})
    monkeypatch.setattr(NCALTECH101, "file_md5", md5(path))
    found = prepared("n-caltech101", Framing(pool=10))
    assert (found.shape, found.n_steps) == ((2, 18, 24), 10)
    assert found.classes == ("ant", "bass")
    assert [len(found.part(part)) for part in ("train", "validation", "test")] == [20, 2, 2]
    # tonic moves every recording into the upper left corner.
    tenth = events["bass", 10] - [0, events["bass", 10][:, 1].min(), events["bass", 10][:, 2].min(), 0]
    dense = binned(tenth, (2, 18, 24), 30_000, 10, pool=10)
    assert np.array_equal(found.part("test").select([1]).to_dense()[0], dense)


def test_dvs_cifar10_is_read_where_aedat_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aedat", reason="the package aedat, which tonic needs for AEDAT 4, is not installed")
    from tonic.datasets import CIFAR10DVS

    monkeypatch.setattr("lapilli.training.data.official.cameras.CIFAR_TRAIN_PER_CLASS", 10)
    written = {}
    archives = {}
    for name in ("airplane", "truck"):
        for number in range(12):
            written[name, number] = camera_events(60, 128, 128, 1_290_000, number)
        path = folder / f"{name}.zip"
        files = {f"{name}/cifar10_{name}_{i}.aedat4": aedat4_bytes(written[name, i]) for i in range(12)}
        write_zip(path, files)
        archives[path.name] = path.read_bytes()
    path = folder / "CIFAR10DVS/CIFAR10DVS.zip"
    write_zip(path, archives)
    monkeypatch.setattr(CIFAR10DVS, "file_md5", md5(path))
    monkeypatch.setattr(CIFAR10DVS, "data_filename", list(archives))
    found = prepared("dvs-cifar10", Framing(pool=4))
    assert (found.shape, found.n_steps, found.step_ms) == ((2, 32, 32), 10, 130.0)
    assert [len(found.part(part)) for part in ("train", "validation", "test")] == [18, 2, 4]
    assert found.part("test").labels.tolist() == [0, 0, 9, 9]
    expected = [
        binned(written[name, i], (2, 32, 32), 130_000, 10, 4) for name in ("airplane", "truck") for i in (10, 11)
    ]
    assert np.array_equal(found.part("test").events().to_dense(), np.stack(expected))


def test_files_are_taken_in_the_order_of_their_numbers() -> None:
    names = ["b/x_10.aedat4", "b/x_9.aedat4", "a/x_100.aedat4", "b/x_1.aedat4"]
    assert [names[place] for place in _in_order(names)] == [names[2], names[3], names[1], names[0]]


def cut(content: bytes) -> bytes:
    return content[:-2]


def empty(_: bytes) -> bytes:
    return b""


def far_right(content: bytes) -> bytes:
    return bytes([34]) + content[1:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, r"00004.bin: must be a multiple of 5 bytes, got 268"),
        (empty, r"00004.bin: holds no events"),
        (far_right, r"00004.bin: x: must be 0…33, got 0…34"),
    ],
)
def test_damaged_recordings_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], message: str
) -> None:
    write_nmnist(folder, monkeypatch)
    prepared("n-mnist")
    path = folder / "NMNIST/Train/0/00004.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        prepared("n-mnist", Framing(bin_ms=50))


def test_what_is_not_unpacked_whole_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nmnist(folder, monkeypatch)
    prepared("n-mnist")
    (folder / "NMNIST/Train/0/00004.bin").unlink()
    with pytest.raises(DataError, match=r"NMNIST/Train: holds 21 of 22 recordings; remove it, so that it is unpacked"):
        prepared("n-mnist", Framing(bin_ms=50))


def test_an_archive_that_is_another_one_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", refused)
    for part in ("train", "test"):
        write_zip(folder / f"NMNIST/{part}.zip", {f"{part.title()}/0/00001.bin": b"12345"})
    with pytest.raises(LapilliError, match=r"n-mnist is not here.*no network.*put NMNIST/train.zip, NMNIST/test.zip"):
        prepared("n-mnist")
    assert not (folder / "NMNIST/Train").exists()


def refused(*_: object, **__: object) -> None:
    raise OSError("no network")


def test_aedat_is_named_where_it_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lapilli.training.data.official.cameras.find_spec", lambda _: None)
    with pytest.raises(LapilliError, match="dvs-cifar10 needs the package aedat: pip install aedat"):
        prepared("dvs-cifar10")
