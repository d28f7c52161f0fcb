"""Recordings without events: named by their numbers, or left out, counted and reported where the user asks for it."""

import json
from collections.abc import Callable
from pathlib import Path

import data_archives
import numpy as np
import pytest
from data_archives import Arrays
from official_files import cochlea_recordings, write_cochlea

from lapilli import cli
from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing

EMPTY = [0, 3, 6]
"""Recordings without events: the first, one in the middle and the last of the first file."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(tmp_path / "none"))
    return tmp_path


def write_shd(folder: Path) -> None:
    nothing = (np.zeros(0, np.float16), np.zeros(0, int))
    train = [nothing if number in EMPTY else found for number, found in enumerate(cochlea_recordings(7, 0))]
    words = [f"word{number}" for number in range(20)]
    write_cochlea(folder / "SHD/shd_train.h5", train, [0, 1, 2, 19, 4, 5, 6], [0, 8, 9, 1, 8, 2, 3], words)
    write_cochlea(folder / "SHD/shd_test.h5", cochlea_recordings(4, 1), [3, 2, 1, 0], [4, 5, 4, 8], words)


def write_regenerated(folder: Path) -> None:
    rng = np.random.default_rng(0)
    recordings: list[list[list[int]]] = []
    for number in range(7):
        dense = rng.random((20, 700)) < 0.01
        dense[5, 7] = True
        recordings.append([[] if number in EMPTY else np.flatnonzero(row).tolist() for row in dense])
    arrays = data_archives.cochlea_arrays(recordings, [0, 1, 2, 19, 4, 5, 6], [0, 8, 9, 1, 4, 2, 3])
    data_archives.write(folder, "shd-regenerated", arrays)


def write_camera(folder: Path) -> None:
    arrays: Arrays = data_archives.camera_arrays(np.random.default_rng(0))
    sizes = np.diff(arrays["offsets"])
    # Their events are those of the next recording, or of the one before.
    for number in EMPTY:
        sizes[number + 1] += sizes[number]
        sizes[number] = 0
    data_archives.write(folder, "nmnist-small", {**arrays, "offsets": np.cumsum([0, *sizes]).astype(np.int32)})


def write_touch(folder: Path) -> None:
    arrays: Arrays = data_archives.touch_arrays(np.random.default_rng(0))
    kept = np.repeat(~np.isin(np.arange(68), EMPTY), np.diff(arrays["offsets"]))
    offsets = np.concatenate([[0], np.cumsum(kept)])[arrays["offsets"]]
    spikes = {name: arrays[name][kept] for name in ("t", "pos")}
    data_archives.write(folder, "stemnist-circuit-spikes", {**arrays, **spikes, "offsets": offsets})


def write_grasps(folder: Path) -> None:
    arrays: Arrays = data_archives.grasp_arrays(np.random.default_rng(0))
    spikes = np.unpackbits(arrays["obj_train_bits"]).reshape(24, -1)
    spikes[EMPTY] = 0
    data_archives.write(folder, "ev-objects", {**arrays, "obj_train_bits": np.packbits(spikes)})


SETS: dict[str, Callable[[Path], None]] = {
    "shd": write_shd,
    "shd-regenerated": write_regenerated,
    "nmnist-small": write_camera,
    "stemnist-circuit-spikes": write_touch,
    "ev-objects": write_grasps,
}


@pytest.mark.parametrize("name", SETS)
def test_an_empty_recording_is_named_or_left_out(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SETS[name](folder)
    said = "recording 0: empty; recording 3: empty; recording 6: empty; skip_empty leaves such recordings out"
    with pytest.raises(LapilliError, match=said):
        prepared(name)
    assert cli.main(["data", "prepare", name, "--skip-empty", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["skipped"] == EMPTY
    found = prepared(name, Framing(skip_empty=True))
    rows = np.sort(np.concatenate([part.rows for part in found.parts.values()]))
    n_samples = len(found.parts["train"].stored.offsets) - 1
    assert rows.tolist() == [number for number in range(n_samples) if number not in EMPTY]
    assert sum(part["samples"] for part in facts["parts"]) == n_samples - len(EMPTY)
    # All others are what they are, and none of them is empty.
    for part in found.parts.values():
        assert np.all(np.diff(part.events().offsets) > 0)
        assert np.all(part.lengths > 0)
    assert cli.main(["data", "prepare", name, "--framing.skip-empty", "true"]) == 0
    assert f"empty recordings of {name} that are left out: 3 (0, 3, 6)" in capsys.readouterr().out


def test_the_others_are_the_same_as_without_it(folder: Path) -> None:
    write_shd(folder)
    with_empty = prepared("shd", Framing(skip_empty=True))
    recordings = [found for number, found in enumerate(cochlea_recordings(7, 0)) if number not in EMPTY]
    labels, speakers = [1, 2, 4, 5], [8, 9, 8, 2]
    words = [f"word{number}" for number in range(20)]
    write_cochlea(folder / "SHD/shd_train.h5", recordings, labels, speakers, words)
    without = prepared("shd")
    for part in ("train", "validation", "test"):
        ours, theirs = with_empty.part(part), without.part(part)
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert ours.lengths.tolist() == theirs.lengths.tolist()
        assert np.array_equal(ours.events().neuron, theirs.events().neuron)
        assert np.array_equal(ours.events().step, theirs.events().step)


def test_sets_that_do_not_know_it_say_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "prepare", "digits", "--skip-empty"]) == 2
    assert "data set digits has no skip_empty to choose" in capsys.readouterr().err


def test_what_was_prepared_without_it_stays(folder: Path) -> None:
    """The name of a cache says all that decides about it; where nothing is left out, nothing changed."""
    data_archives.write(folder, "nmnist-small")
    assert prepared("nmnist-small").folder != prepared("nmnist-small", Framing(skip_empty=True)).folder
    assert "skip_empty" not in (prepared("nmnist-small").folder / "meta.json").read_text()
