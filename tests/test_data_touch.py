"""Touch: characters and grasps are framed as described, split as described, and damaged files are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_archives import FILES, write

from lapilli.netx_exports import LapilliError
from lapilli.training.data.catalogue import Prepared, prepared
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataError

CHARACTERS = "stemnist-circuit-spikes"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    return tmp_path


def dense_of(found: Prepared) -> dict[int, np.ndarray]:
    """Dense form of each sample of each part, by its row."""
    dense: dict[int, np.ndarray] = {}
    for samples in found.parts.values():
        dense |= dict(zip(samples.rows.tolist(), samples.events().to_dense()))
    return dense


@pytest.mark.parametrize(("bin_ms", "per_bin"), [(8.333, 1), (25, 3), (50, 6), (100, 12)])
@pytest.mark.parametrize("from_first", [True, False])
def test_bins_of_whole_recorded_steps_are_exact(folder: Path, bin_ms: float, per_bin: int, from_first: bool) -> None:
    arrays = write(folder, CHARACTERS)
    found = prepared(CHARACTERS, Framing(bin_ms=bin_ms, from_first_event=from_first))
    dense = dense_of(found)
    assert sorted(dense) == list(range(68))
    for sample, spikes in dense.items():
        expected = np.zeros_like(spikes)
        low, high = arrays["offsets"][sample : sample + 2]
        start = int(arrays["t"][low]) if from_first else 0
        for t, taxel in zip(arrays["t"][low:high].tolist(), arrays["pos"][low:high].tolist()):
            expected[0, taxel // 16, taxel % 16, (t - start) // per_bin] += 1
        assert np.array_equal(spikes, expected)


def test_a_character_is_cut_around_the_median_of_its_spikes(folder: Path) -> None:
    arrays = write(folder, CHARACTERS)
    framing = Framing(crop=8, crop_around="median", pool=2, bin_ms=50)
    found = prepared(CHARACTERS, framing)
    assert found.shape == (1, 4, 4)
    for sample, spikes in dense_of(found).items():
        expected = np.zeros_like(spikes)
        low, high = arrays["offsets"][sample : sample + 2]
        t, taxel = arrays["t"][low:high].astype(int), arrays["pos"][low:high].astype(int)
        rows, columns = taxel // 16, taxel % 16
        middle = (len(t) - 1) // 2
        top, left = sorted(rows)[middle] - 4, sorted(columns)[middle] - 4
        for step, row, column in zip((t - t[0]) // 6, rows - top, columns - left):
            if 0 <= row < 8 and 0 <= column < 8:
                expected[0, row // 2, column // 2, step] += 1
        assert np.array_equal(spikes, expected)


def test_characters_are_split_by_person(folder: Path) -> None:
    write(folder, CHARACTERS)
    persons = {part: set(samples.groups.tolist()) for part, samples in prepared(CHARACTERS).parts.items()}
    assert persons["test"] == {0, 5, 10, 15, 20, 25, 30}
    assert persons["validation"] == {4, 9, 14, 19, 24, 29}
    assert persons["train"] == set(range(34)) - persons["test"] - persons["validation"]
    others = prepared(CHARACTERS, split=Split(test_groups=(1,), validation_groups=(0, 2))).parts
    assert [set(others[part].groups.tolist()) for part in ("validation", "test")] == [{0, 2}, {1}]
    with pytest.raises(LapilliError, match=r"group 5 .* would be in the test and the validation part"):
        prepared(CHARACTERS, split=Split(validation_groups=(5,)))


def test_characters_are_split_as_in_their_repository(folder: Path) -> None:
    arrays = write(folder, CHARACTERS)
    parts = prepared(f"{CHARACTERS}-stratified").parts
    expected = [np.flatnonzero(arrays["split"] == number).tolist() for number in range(3)]
    assert [samples.rows.tolist() for samples in parts.values()] == expected


@pytest.mark.parametrize(("name", "prefix", "n_steps"), [("ev-objects", "obj", 250), ("ev-containers", "con", 325)])
@pytest.mark.parametrize(("bin_steps", "values"), [(1, "counts"), (7, "counts"), (40, "binary")])
def test_grasps_are_their_bits(folder: Path, name: str, prefix: str, n_steps: int, bin_steps: int, values: str) -> None:
    arrays = write(folder, name)
    found = prepared(name, Framing(bin_steps=bin_steps, values=values))  # type: ignore[arg-type]
    assert (found.shape, found.step_ms, found.n_steps) == ((78,), None, -(-n_steps // bin_steps))
    size = n_steps * 78
    bits = [np.unpackbits(arrays[f"{prefix}_{part}_bits"], count=n * size) for part, n in (("train", 24), ("test", 6))]
    recorded = np.concatenate(bits).reshape(30, n_steps, 78).astype(int)
    expected = np.zeros((30, 78, found.n_steps), int)
    for step in range(n_steps):
        expected[:, :, step // bin_steps] += recorded[:, step]
    if values == "binary":
        expected = np.minimum(expected, 1)
    dense = dense_of(found)
    assert np.array_equal(np.stack([dense[row] for row in range(30)]), expected)


def test_grasps_are_cut_and_padded(folder: Path) -> None:
    write(folder, "ev-objects")
    whole = dense_of(prepared("ev-objects"))
    for n_steps in (100, 300):
        found = prepared("ev-objects", Framing(n_steps=n_steps))
        kept = min(n_steps, 250)
        assert all(set(samples.lengths.tolist()) == {kept} for samples in found.parts.values())
        for row, spikes in dense_of(found).items():
            assert spikes.shape == (78, n_steps)
            assert np.array_equal(spikes[:, :kept], whole[row][:, :kept])
            assert not spikes[:, kept:].any()


def test_all_steps_of_a_grasp_as_one_are_counted_up_to_255(folder: Path) -> None:
    arrays = write(folder, "ev-containers")
    write(folder, "ev-containers", arrays | {"con_train_bits": np.full_like(arrays["con_train_bits"], 255)})
    found = prepared("ev-containers", Framing(bin_steps=325))
    assert np.all(found.part("train").events().to_dense() == 255)


def test_every_fourth_grasp_of_a_class_is_for_validation(folder: Path) -> None:
    write(folder, "ev-objects")
    parts = prepared("ev-objects").parts
    assert parts["validation"].rows.tolist() == [9, 10, 11, 21, 22, 23]
    assert parts["test"].rows.tolist() == list(range(24, 30))
    assert len(parts["train"]) == 18


WRONG: list[tuple[str, str, Callable[[np.ndarray], np.ndarray], str]] = [
    (CHARACTERS, "t", lambda a: a[::-1].copy(), r"recording 0: t falls from \d+ to \d+"),
    (CHARACTERS, "t", lambda a: np.minimum(a, 239) + np.uint8(9), r"recording \d+: t 24\d, must be 0…239"),
    (CHARACTERS, "pos", lambda a: a.astype(np.int16) + 1, r"recording \d+: pos 256, must be 0…255"),
    (CHARACTERS, "pos", lambda a: a[:-1], r"pos: needs \d+ entries, got \d+"),
    (CHARACTERS, "label", lambda a: a + np.uint8(1), r"label: must be 0…34, got 35 at 34"),
    (CHARACTERS, "participant", lambda a: a + np.uint8(1), r"participant: must be 0…33, got 34 at 33"),
    (CHARACTERS, "split", lambda a: a + np.uint8(1), r"split: must be 0…2, got 3 at 2"),
    (CHARACTERS, "classes", lambda a: a[::-1], r"classes: must be A…Z and 1…9"),
    (CHARACTERS, "offsets", lambda a: a[:-1], r"offsets: must rise from 0 to \d+"),
    (CHARACTERS, "offsets", lambda a: np.where(np.arange(69) == 3, a[2], a), r"recording 2: empty"),
    ("ev-objects", "obj_train_bits", lambda a: a[:-1], r"obj_train_bits: needs 58500 entries, got 58499"),
    ("ev-objects", "obj_train_bits", lambda a: a.astype(np.int16), r"obj_train_bits: must be bytes, got int16"),
    ("ev-objects", "obj_test_label", lambda a: a + np.uint8(36), r"obj_test_label: must be 0…35, got 36 at 0"),
    ("ev-containers", "con_train_label", lambda a: a + np.uint8(20), r"con_train_label: must be 0…19, got 20 at 0"),
    ("ev-containers", "con_test_bits", lambda a: np.zeros_like(a), r"recording 24: empty"),
]


@pytest.mark.parametrize(("name", "array", "change", "message"), WRONG)
def test_wrong_archives_are_named_with_what_is_wrong(
    folder: Path, name: str, array: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    arrays = write(folder, name)
    write(folder, name, arrays | {array: change(arrays[array])})
    with pytest.raises(DataError, match=f"{FILES[name][0]}: .*{message}") as error:
        prepared(name)
    assert "\n" not in str(error.value)
