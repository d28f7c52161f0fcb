"""The cache: equal bytes, whole or not at all, damaged ones made anew, folders that cannot be written."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from data_archives import random_cochlea, write
from leftovers import left_by_a_dead_process

from lapilli import cli
from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.locks import locked
from lapilli.simulators import events_equal
from lapilli.training.data import cache
from lapilli.training.data.catalogue import cached_folders, data_set, prepared, remove_damaged
from lapilli.training.data.framing import Framing
from lapilli.training.data.sets import DataError
from lapilli.training.data.tasks import DataConfig, find_task

NAME = "shd-regenerated"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    write(tmp_path, NAME)
    return tmp_path


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_the_same_data_gives_the_same_bytes(folder: Path) -> None:
    found = prepared(NAME).folder
    assert found is not None
    before = contents(found)
    shutil.rmtree(found)
    assert prepared(NAME).folder == found
    assert contents(found) == before
    assert set(before) == {
        *(f"{name}.npy" for name in ("step", "neuron", "value", "offsets", "labels", "groups", "lengths", "parts")),
        "meta.json",
    }


def test_what_is_cached_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = prepared(NAME).part("train").events()
    monkeypatch.setattr("lapilli.training.data.catalogue._framed", None)
    assert events_equal(prepared(NAME).part("train").events(), before)


def test_what_decides_about_the_content_decides_about_the_folder(folder: Path) -> None:
    first = prepared(NAME).folder
    assert prepared(NAME, Framing(bin_ms=20)).folder != first
    assert prepared(NAME, Framing(bin_ms=20)).folder == prepared(NAME, Framing(bin_ms=20.0)).folder
    os.utime(folder / "shd_regen_1ms.npz", (1, 1))
    assert prepared(NAME).folder != first
    assert len(cached_folders(NAME)) == 3
    assert cached_folders("shd") == []


def test_arrays_are_plain_small_and_mapped(folder: Path) -> None:
    found = prepared(NAME)
    assert found.folder is not None
    stored = found.part("train").stored
    assert [stored.step.dtype, stored.neuron.dtype, stored.value.dtype] == [np.uint16, np.uint16, np.uint8]
    assert isinstance(stored.step.base, np.memmap)
    plain = np.load(found.folder / "step.npy", allow_pickle=False)
    assert np.array_equal(plain, stored.step)
    assert prepared(NAME, Framing(values="binary")).part("train").stored.value is None


@pytest.mark.parametrize("file", ["step.npy", "offsets.npy", "parts.npy", "meta.json"])
@pytest.mark.parametrize("how", ["missing", "truncated", "empty", "garbage", "longer"])
def test_damaged_caches_are_made_anew(folder: Path, file: str, how: str) -> None:
    found = prepared(NAME).folder
    assert found is not None
    before = contents(found)
    content = before[file]
    new = {"truncated": content[:-9], "empty": b"", "garbage": b"\x80\x04." * 50, "longer": content + content}
    if how == "missing":
        (found / file).unlink()
    else:
        (found / file).write_bytes(new[how])
    prepared(NAME)
    # numpy reads no further than an array's header says.
    assert contents(found) == before or (how == "longer" and file != "meta.json")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 0},
        {"arrays": []},
        {"arrays": {"step": 3}},
        {"arrays": {}},
        {"shape": [700, 1]},
        {"shape": "big"},
        {"n_steps": 1 << 40},
        {"n_steps": None},
    ],
)
def test_damaged_facts_are_found(folder: Path, change: dict[str, object]) -> None:
    found = prepared(NAME).folder
    assert found is not None
    before = contents(found)
    meta = json.loads(before["meta.json"]) | change
    (found / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(cache.CacheError):
        cache.read_stored(found)
    prepared(NAME)
    assert contents(found) == before


def test_changed_bytes_are_found_by_their_checksum(folder: Path) -> None:
    found = prepared(NAME).folder
    assert found is not None
    assert not remove_damaged(NAME)
    content = bytearray((found / "neuron.npy").read_bytes())
    content[-1] ^= 1
    (found / "neuron.npy").write_bytes(content)
    with pytest.raises(cache.CacheError, match=r"neuron.npy does not have its checksum"):
        cache.check_sums(found)
    assert remove_damaged(NAME)
    assert not found.exists()
    assert not remove_damaged(NAME)


def test_nothing_is_left_of_what_failed(folder: Path) -> None:
    arrays = random_cochlea(np.random.default_rng(0))
    arrays["gap_lo"][-1] = 254
    arrays["gap_lo"][-60:] = 254
    write(folder, NAME, arrays)
    with pytest.raises(DataError):
        prepared(NAME)
    assert not list((folder / "prepared").iterdir())


def test_what_a_killed_process_left_is_removed(folder: Path) -> None:
    found = prepared(NAME).folder
    assert found is not None
    shutil.rmtree(found)
    left_by_a_dead_process(found).mkdir()
    prepared(NAME)
    assert [path.name for path in found.parent.iterdir()] == [found.name]


def test_the_lock_of_one_that_was_killed_when_all_was_in_place_is_removed(folder: Path) -> None:
    found = prepared(NAME).folder
    assert found is not None
    lock = found.parent / f".{found.name}.lock"
    lock.write_text("4194304 elsewhere")
    prepared(NAME)
    assert not lock.exists()
    with locked(lock, "it"):
        prepared(NAME)
        assert lock.exists()


@pytest.mark.parametrize("name", ["labels", "offsets", "groups", "lengths", "parts"])
def test_one_flipped_bit_of_what_is_said_of_samples_is_made_anew(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prepared(NAME).folder
    assert found is not None
    before = contents(found)
    content = bytearray(before[f"{name}.npy"])
    content[-8] ^= 1
    (found / f"{name}.npy").write_bytes(content)
    prepared(NAME)
    assert contents(found) == before
    assert f"{name}.npy does not have its checksum; it is made anew" in capsys.readouterr().err


def test_nothing_is_trained_on_events_without_their_checksum(folder: Path) -> None:
    found = prepared(NAME).folder
    assert found is not None
    content = bytearray((found / "neuron.npy").read_bytes())
    content[-1] ^= 1
    (found / "neuron.npy").write_bytes(content)
    with pytest.raises(cache.CacheError, match=rf"neuron.npy does not .* `lapilli data prepare {NAME}` mends it"):
        find_task(DataConfig(NAME), progress=False)
    assert cli.main(["data", "prepare", NAME]) == 0
    find_task(DataConfig(NAME), progress=False)


def test_processes_prepare_once(folder: Path) -> None:
    program = (
        "import lapilli.training.data.catalogue as c; wrote = []; write = c.write_stored\n"
        "def counted(*arguments):\n    wrote.append(1); write(*arguments)\n"
        f"c.write_stored = counted; c.prepared({NAME!r}); print(len(wrote))"
    )
    root = str(Path(cache.__file__).resolve().parents[2])
    children = [
        subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert sorted(child.communicate()[0].strip() for child in children) == ["0", "0", "1"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        with pytest.raises(LapilliError, match=r"cannot write prepared data to .*Permission denied; set LAPILLI_DATA"):
            prepared(NAME)
    finally:
        folder.chmod(0o700)


def test_a_file_where_the_folder_should_be_is_named(folder: Path) -> None:
    (folder / "prepared").write_text("")
    with pytest.raises(LapilliError, match=r"cannot write prepared data to .*prepared: File exists; set LAPILLI_DATA"):
        prepared(NAME)


def test_a_full_disk_is_named_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LapilliError, match=r"No space left on device"):
        prepared(NAME)
    assert not list((folder / "prepared").iterdir())


def test_missing_files_are_named_with_where_they_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setattr("lapilli.training.data.folders.search_folders", lambda: (tmp_path,))
    with pytest.raises(LapilliError) as error:
        prepared("hapt")
    assert str(error.value).startswith(f"data set hapt needs hapt.npz in {tmp_path} (")
    assert data_set("hapt").origin in str(error.value)
    with pytest.raises(LapilliError, match=r"cifar10_batch_2.png and 9 more in"):
        prepared("cifar10-part")


def test_the_data_folder_is_searched_first_then_the_shared_one(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapilli.training.data.folders import find_file

    shared = tmp_path_factory.mktemp("shared")
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(shared))
    (shared / "shd_regen_1ms.npz").touch()
    assert find_file("shd_regen_1ms.npz") == folder / "shd_regen_1ms.npz"
    (folder / "shd_regen_1ms.npz").unlink()
    assert find_file("shd_regen_1ms.npz") == shared / "shd_regen_1ms.npz"


def test_unknown_sets_and_parts_are_refused(folder: Path) -> None:
    with pytest.raises(LapilliError, match=r"unknown data set 'xxxx'; data sets are digits, shd-regenerated"):
        prepared("xxxx")
    with pytest.raises(LapilliError, match=r"part: must be one of train, validation, test, got 'dev'"):
        prepared("digits").part("dev")  # type: ignore[arg-type]


def test_opening_takes_no_time(folder: Path) -> None:
    prepared(NAME)
    started = time.process_time()
    prepared(NAME)
    assert time.process_time() - started < 1
