"""SHD regenerated: decoding and binning against the README's words in plain Python; the split; damaged files."""

from pathlib import Path

import numpy as np
import pytest
from data_archives import Arrays, cochlea_arrays, random_cochlea, write
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports import LapilliError
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    return tmp_path


def frames(arrays: Arrays, sample: int, framing: Framing, n_steps: int) -> np.ndarray:
    """(channels, steps) of a recording, spike by spike as the archive's README has it."""
    gaps, escaped = arrays["gap_lo"].astype(int), iter(arrays["gap_esc"].tolist())
    gaps = [next(escaped) if gap == 255 else gap for gap in gaps.tolist()]
    place = int(arrays["spike_offsets"][sample])
    counts = arrays["count_per_ms"][arrays["ms_offsets"][sample] : arrays["ms_offsets"][sample + 1]]
    first = int(np.flatnonzero(counts)[0]) if framing.from_first_event else 0
    dense = np.zeros((-(-700 // framing.pool), n_steps), int)
    for ms, count in enumerate(counts.tolist()):
        units = np.cumsum(np.array(gaps[place : place + count], int) + 1) - 1
        place += count
        step = int(np.floor((ms - first - framing.start_ms) / (framing.bin_ms or 10)))
        if 0 <= step < n_steps:
            np.add.at(dense, (units // framing.pool, step), 1)
    return np.minimum(dense, 1 if framing.values == "binary" else 255)


FRAMINGS = st.builds(
    Framing,
    n_steps=st.none() | st.integers(1, 50),
    bin_ms=st.none() | st.sampled_from([1, 2.5, 4, 25, 1000]),
    start_ms=st.sampled_from([0.0, 3.0, 12.0]),
    from_first_event=st.booleans(),
    pool=st.sampled_from([1, 5, 7, 700]),
    values=st.sampled_from(["counts", "binary"]),
)


@settings(max_examples=25)
@given(framing=FRAMINGS, seed=st.integers(0, 1000))
def test_frames_are_those_of_plain_counting(
    framing: Framing, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPILLI_DATA", str(here))
        arrays = write(here, "shd-regenerated", random_cochlea(np.random.default_rng(seed)))
        found = prepared("shd-regenerated", framing, progress=False)
    seen = 0
    for samples in found.parts.values():
        dense = samples.events().to_dense()
        for place, row in enumerate(samples.rows.tolist()):
            expected = frames(arrays, row, framing, found.n_steps)
            assert np.array_equal(dense[place], expected)
            assert not expected[:, samples.lengths[place] :].any()
            seen += 1
    assert seen == 24


def test_as_many_steps_as_the_longest_needs(folder: Path) -> None:
    write(folder, "shd-regenerated", cochlea_arrays([[[5], [], [6]], [[], [1], [2]]] * 6, [0] * 12, list(range(12))))
    found = prepared("shd-regenerated", Framing(bin_ms=1), progress=False)
    assert found.n_steps == 3
    assert found.part("train").lengths.tolist() == [3, 2] * 4


def test_counts_stop_at_255(folder: Path) -> None:
    loud = [[list(range(700))]]
    write(folder, "shd-regenerated", cochlea_arrays(loud * 12, [0] * 12, list(range(12))))
    assert prepared("shd-regenerated", Framing(pool=700)).part("test").events().value.tolist() == [255, 255]


def test_parts_are_by_speaker(folder: Path) -> None:
    write(folder, "shd-regenerated")
    found = prepared("shd-regenerated")
    groups = {part: set(samples.groups.tolist()) for part, samples in found.parts.items()}
    assert groups == {"train": {0, 1, 2, 3, 6, 7, 10, 11}, "validation": {8, 9}, "test": {4, 5}}
    other = prepared("shd-regenerated", split=Split(validation_groups=(0,)))
    assert set(other.part("validation").groups.tolist()) == {0}
    assert set(other.part("test").groups.tolist()) == {4, 5}
    assert 0 not in other.part("train").groups


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split(validation_groups=(12,)), "has no group 12; groups are 0, 1"),
        (Split(validation_groups=(4,)), "group 4 of data set shd-regenerated would be in the test and the validation"),
        (Split(validation_groups=tuple({*range(12)} - {4, 5})), "would be left to train on"),
        (Split(silence=True), "has no silence to choose; it takes validation_groups, test_groups"),
    ],
)
def test_impossible_splits_are_refused(folder: Path, split: Split, message: str) -> None:
    write(folder, "shd-regenerated")
    with pytest.raises(LapilliError, match=message):
        prepared("shd-regenerated", split=split)


def test_bins_finer_than_the_recordings_are_refused(folder: Path) -> None:
    write(folder, "shd-regenerated")
    with pytest.raises(LapilliError, match=r"bin_ms: shd-regenerated was recorded in steps of 1 ms, got 0.5"):
        prepared("shd-regenerated", Framing(bin_ms=0.5))


def damaged(arrays: Arrays, what: str) -> Arrays:
    changed = {name: array.copy() for name, array in arrays.items()}
    if what == "label":
        changed["label"][3] = 20
    elif what == "unit":
        changed["gap_lo"][:] = 254
    elif what == "count":
        changed["count_per_ms"][0] += 1
    elif what == "escaped":
        changed["gap_lo"][:5] = 255
    elif what == "missing":
        del changed["speaker"]
    elif what == "offsets":
        changed["ms_offsets"][5] = -1
    elif what == "empty":
        changed = cochlea_arrays([[[1]], [[]], *[[[1]]] * 10], [0] * 12, list(range(12)))
    return changed


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("label", r"label: must be 0…19, got 20 at 3"),
        ("unit", r"recording \d+: unit \d+, must be 0…699"),
        ("count", r"count_per_ms: does not add up to spike_offsets"),
        ("escaped", r"damaged \(ends too early\)"),
        ("missing", r"speaker: missing"),
        ("offsets", r"ms_offsets: must rise from 0 to"),
        ("empty", r"recording 1: empty"),
    ],
)
def test_damaged_files_are_named_with_what_is_wrong(folder: Path, what: str, message: str) -> None:
    write(folder, "shd-regenerated", damaged(random_cochlea(np.random.default_rng(0)), what))
    with pytest.raises(DataError, match=r"shd_regen_1ms.npz: .*" + message):
        prepared("shd-regenerated")
    assert not [path for path in (folder / "prepared").glob("*") if path.suffix != ".lock"]
