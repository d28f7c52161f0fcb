"""Braille letters: pressure through the encoders, folds, damaged files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_archives import write

from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    return tmp_path


def everything(framing: Framing) -> np.ndarray:
    parts = prepared("braille", framing).parts.values()
    dense = np.concatenate([samples.events().to_dense() for samples in parts])
    return dense[np.argsort(np.concatenate([samples.rows for samples in parts]))]


@pytest.mark.parametrize("threshold", [1, 2, 5, 10])
def test_events_are_sigma_delta_with_the_published_thresholds(folder: Path, threshold: int) -> None:
    arrays = write(folder, "braille")
    dense = everything(Framing(encoder="delta", threshold=threshold / 256))
    assert dense.shape == (30, 24, 51)
    for pressure, spikes in zip(arrays["x"].astype(int), dense):
        expected = np.zeros_like(spikes)
        for taxel in range(12):
            sent = 0
            for frame in range(51):
                moved = int((pressure[frame, taxel] - sent) / threshold)
                expected[taxel if moved > 0 else 12 + taxel, frame] = abs(moved)
                sent += moved * threshold
        assert np.array_equal(spikes, expected)


def test_frames_are_averaged_where_bins_are_wider(folder: Path) -> None:
    arrays = write(folder, "braille")
    dense = everything(Framing(bin_ms=75, levels=255))
    means = arrays["x"].reshape(30, 17, 3, 12).mean(axis=2).transpose(0, 2, 1)
    assert np.array_equal(dense, np.rint(means / 256 * 255))


def test_a_frame_across_two_bins_counts_half_in_each(folder: Path) -> None:
    arrays = write(folder, "braille")
    dense = everything(Framing(bin_ms=62.5, levels=127))
    assert dense.shape == (30, 12, 21)
    for pressure, values in zip(arrays["x"].astype(int), dense):
        for taxel in range(12):
            halves = [half for frame in pressure[:, taxel].tolist() for half in (frame, frame)]
            for step in range(21):
                mine = halves[5 * step : 5 * step + 5]
                assert values[taxel, step] == round(sum(mine) * 127 / (len(mine) * 256))


def test_folds_have_the_same_letters_and_may_be_chosen(folder: Path) -> None:
    write(folder, "braille")
    found = prepared("braille")
    letters = {part: np.bincount(samples.labels).tolist() for part, samples in found.parts.items()}
    assert letters == {"train": [6, 6, 6], "validation": [2, 2, 2], "test": [2, 2, 2]}
    assert len(found.classes) == 27
    other = prepared("braille", split=Split(validation_groups=(0,), test_groups=(1,))).parts.values()
    assert [set(samples.groups.tolist()) for samples in other] == [{2, 3, 4}, {0}, {1}]


WRONG: list[tuple[str, Callable[[np.ndarray], np.ndarray], str]] = [
    ("x", lambda a: a[:, :-1], r"x: must be 51 frames of 12 taxels, got shape \(30, 50, 12\)"),
    ("x", lambda a: a[:-1], r"x: needs 30 entries, got 29"),
    ("x", lambda a: a.astype(int) - 1, r"x: must be 0…256, got -1 at \d+"),
    ("x", lambda a: a[0], r"x: must have 3 dimensions"),
    ("label", lambda a: a + np.uint8(25), r"label: must be 0…26, got 27 at \d+"),
]


@pytest.mark.parametrize(("array", "change", "message"), WRONG)
def test_wrong_archives_are_named_with_what_is_wrong(
    folder: Path, array: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    arrays = write(folder, "braille")
    write(folder, "braille", arrays | {array: change(arrays[array])})
    with pytest.raises(DataError, match=rf"braille540.npz: .*{message}") as error:
        prepared("braille")
    assert "\n" not in str(error.value)
