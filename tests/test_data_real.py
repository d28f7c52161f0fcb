"""The real files, where they are: sizes of their parts, as published."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import origin_folders
import pytest

from lapilli.simulators.files.archives import open_members
from lapilli.training.data.catalogue import DATA_SETS, prepared
from lapilli.training.data.converters.contents import OWN, contents_of, own_contents
from lapilli.training.data.converters.convert import convert
from lapilli.training.data.folders import find_file
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.motion import TEST_USERS
from lapilli.training.data.origins import ORIGINS
from lapilli.training.data.sets import PARTS, DataError
from lapilli.training.data.spectrograms import KEYWORDS, SPEECH_COMMANDS_SPECTROGRAMS, official_part

SHARED = ("mnist-rows", "cifar10-part", "stemnist-circuit-spikes-stratified", "ev-containers")
"""Sets whose files are those of others."""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        here = tmp_path_factory.mktemp("data")
        patch.setenv("LAPILLI_DATA", str(here))
        yield here


def needed(name: str) -> None:
    for file in DATA_SETS[name].files:
        if find_file(file) is None:
            pytest.skip(f"{file} is not here (LAPILLI_SHARED_DATA)")


def sizes(name: str, framing: Framing = Framing(), split: Split = Split()) -> list[int]:
    return [len(samples) for samples in prepared(name, framing, split).parts.values()]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ORIGINS if name not in SHARED])
def test_packed_files_hold_what_is_written_down(name: str) -> None:
    needed(name)
    for file, size in ORIGINS[name].packed.items():
        path = find_file(file)
        assert path is not None
        assert path.stat().st_size == size
        assert contents_of(path) == own_contents()[file], f"{file} and {OWN.name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spoken-digits", "hapt", "nmnist-small", "mnist"])
def test_a_rebuilt_origin_gives_the_packed_file(name: str, tmp_path: Path, folder: Path) -> None:
    needed(name)
    (file,) = ORIGINS[name].packed
    path = find_file(file)
    assert path is not None
    origin_folders.REBUILD[name](path.parent, tmp_path / "origin")
    (made,) = convert(name, tmp_path / "origin")
    assert (made.path, made.kept, made.differences) == (folder / file, False, ())
    made.path.unlink()


def test_hapt_has_its_published_windows() -> None:
    needed("hapt")
    assert sizes("hapt") == [6205, 1562, 3162]
    assert sum(sizes("hapt")) == 10_929
    assert sum(sizes("hapt", split=Split(basic=True))) == 10_411
    found = prepared("hapt")
    assert set(found.part("test").groups.tolist()) == set(TEST_USERS)
    assert len({int(user) for samples in found.parts.values() for user in samples.groups}) == 30


def test_shd_regenerated() -> None:
    needed("shd-regenerated")
    found = prepared("shd-regenerated", Framing(pool=5))
    assert [len(samples) for samples in found.parts.values()] == [6_880, 1_700, 1_840]
    assert (found.n_steps, found.shape) == (137, (140,))
    value = found.part("train").stored.value
    assert value is not None
    assert int(value.sum(dtype=np.int64)) == 79_354_310
    assert value.max() < 255
    started = time.process_time()
    prepared("shd-regenerated", Framing(pool=5))
    assert time.process_time() - started < 1


def test_nmnist_small() -> None:
    needed("nmnist-small")
    assert sizes("nmnist-small", Framing(bin_ms=300, pool=34)) == [838, 162, 100]


def test_spoken_digits() -> None:
    needed("spoken-digits")
    assert sizes("spoken-digits", Framing(bin_ms=100, bands=8, encoder="delta", threshold=1)) == [2400, 300, 300]


def test_mnist() -> None:
    needed("mnist")
    assert sizes("mnist", Framing(n_steps=1, pool=14)) == [55_000, 5_000, 10_000]


def test_speech_commands_has_its_official_split() -> None:
    needed("speech-commands-spectrograms")
    path = find_file(SPEECH_COMMANDS_SPECTROGRAMS.files[0])
    assert path is not None
    with open_members(path, DataError, "iuS") as members:
        names = [name.decode() for name in members["name"].read_all().tolist()]
    words = [name.split("/") for name in names if not name.startswith("_")]
    parts = np.array([official_part(file.split("_nohash_")[0]) for _, file in words])
    keyword = np.array([folder in KEYWORDS for folder, _ in words])
    assert np.bincount(parts).tolist() == [41_473, 4_954, 5_461]
    assert np.bincount(parts[keyword]).tolist() == [30_769, 3_703, 4_074]
    assert PARTS == ("train", "validation", "test")


def test_cifar_starts_with_a_frog() -> None:
    needed("cifar10-part")
    found = prepared("cifar10-part", Framing(n_steps=1, levels=255))
    assert [len(samples) for samples in found.parts.values()] == [9_000, 1_000, 1_000]
    first = found.part("train").select([0])
    assert found.classes[first.labels[0]] == "frog"


def test_cifar_held_out_begins_with_a_frog_and_has_classes_of_about_the_same_size() -> None:
    needed("cifar10-held-out")
    found = prepared("cifar10-held-out", Framing(n_steps=1, levels=255, crop=4))
    assert [len(samples) for samples in found.parts.values()] == [28_000, 2_000, 10_000]
    first = found.part("train").select([0])
    assert found.classes[first.labels[0]] == "frog"
    sizes = np.bincount(found.part("test").labels)
    assert sizes.min() > 900


def test_stemnist_circuit_spikes_by_person_and_as_in_their_repository() -> None:
    needed("stemnist-circuit-spikes")
    framing = Framing(bin_ms=8.333)
    found = prepared("stemnist-circuit-spikes", framing)
    assert [len(samples) for samples in found.parts.values()] == [4_550, 1_225, 1_925]
    persons = [set(samples.groups.tolist()) for samples in found.parts.values()]
    assert [len(part) for part in persons] == [21, 6, 7]
    assert len(set.union(*persons)) == 34
    assert sum(samples.n_events for samples in found.parts.values()) == 1_401_305
    assert sizes("stemnist-circuit-spikes-stratified") == [5_390, 1_155, 1_155]


def test_grasps_of_objects_and_of_containers() -> None:
    needed("ev-objects")
    assert sizes("ev-objects") == [432, 144, 144]
    assert sizes("ev-containers") == [180, 60, 60]
    objects = prepared("ev-objects")
    assert all(len(set(np.bincount(samples.labels, minlength=36))) == 1 for samples in objects.parts.values())


def test_objects_that_turn_have_the_windows_that_were_counted() -> None:
    needed("dvs-objects")
    found = prepared("dvs-objects", Framing(bin_ms=100, pool=64))
    stored = len(found.part("train").stored.offsets) - 1
    validation, test = found.part("validation"), found.part("test")
    assert (stored - len(test), len(test)) == (1_691, 944)
    assert [len(samples) for samples in found.parts.values()] == [1_304, 337, 944]
    assert set(validation.groups.tolist()) == set(range(5))
    assert set(test.groups.tolist()) == set(range(5, 10))


def test_braille_has_folds_of_the_same_letters() -> None:
    needed("braille")
    assert sizes("braille") == [324, 108, 108]
    assert sizes("braille", split=Split(validation_groups=(0,), test_groups=(1,))) == [324, 108, 108]
    assert set(np.bincount(prepared("braille").part("test").labels).tolist()) == {4}
