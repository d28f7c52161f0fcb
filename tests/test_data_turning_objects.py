"""Objects that turn in front of a camera: windows, their parts and their places, against plain loops."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_archives import Arrays, write

from lapilli.training.data.catalogue import prepared
from lapilli.training.data.framing import Framing
from lapilli.training.data.sets import DataError

Event = tuple[int, int, int, int]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    return tmp_path


def plain_windows(arrays: Arrays) -> list[tuple[int, int, int, list[Event]]]:
    """Recording, number, windows of that recording, and events (µs within the window, x, y, polarity) of each."""
    polarity, found = np.unpackbits(arrays["p"]), []
    for recording in range(4):
        windows: dict[int, list[Event]] = {}
        time = 0
        for place in range(arrays["offsets"][recording], arrays["offsets"][recording + 1]):
            time += 20 * (int(arrays["dt_lo"][place]) + 256 * int(arrays["dt_hi"][place]))
            event = (time % 100_000, int(arrays["x"][place]), int(arrays["y"][place]), int(polarity[place]))
            windows.setdefault(time // 100_000, []).append(event)
        last = max(windows)
        found += [(recording, n, last, events) for n, events in windows.items() if n < last and len(events) >= 200]
    return found


def expected_part(recording: int, number: int, n_windows: int) -> str | None:
    if recording >= 2:
        return "test"
    first = n_windows - n_windows // 5
    return "validation" if number >= first else "train" if number < first - 10 else None


def test_windows_and_their_parts(folder: Path) -> None:
    windows = plain_windows(write(folder, "dvs-objects"))
    # The dark moment leaves at least one window of each recording out.
    assert len(windows) <= sum(last for last in {w[0]: w[2] for w in windows}.values()) - 4
    found = prepared("dvs-objects", Framing(pool=32))
    for part, samples in found.parts.items():
        rows = [row for row, window in enumerate(windows) if expected_part(*window[:3]) == part]
        assert samples.rows.tolist() == rows
        assert len(rows) > 3
        assert samples.groups.tolist() == [windows[row][0] for row in rows]
        assert samples.labels.tolist() == [windows[row][0] % 2 for row in rows]
    assert len(found.skipped) == 0


@pytest.mark.parametrize("around", [None, "median", "centre"])
def test_events_of_a_window_are_counted_around_their_median(folder: Path, around: str | None) -> None:
    windows = plain_windows(write(folder, "dvs-objects"))
    framing = Framing(bin_ms=20, crop=64, pool=4, crop_around=around)  # type: ignore[arg-type]
    found = prepared("dvs-objects", framing)
    assert (found.shape, found.n_steps, found.step_ms) == ((2, 16, 16), 5, 20)
    for samples in found.parts.values():
        for row, spikes in zip(samples.rows.tolist(), samples.events().to_dense()):
            events = windows[row][3]
            middle = (len(events) - 1) // 2
            left, top = (sorted(event[axis] for event in events)[middle] - 32 for axis in (1, 2))
            if around == "centre":
                left = top = 32
            expected = np.zeros_like(spikes)
            for time, x, y, polarity in events:
                if 0 <= x - left < 64 and 0 <= y - top < 64:
                    expected[polarity, (y - top) // 4, (x - left) // 4, time // 20_000] += 1
            assert np.array_equal(spikes, expected)


WRONG: list[tuple[str, Callable[[np.ndarray], np.ndarray], str]] = [
    ("x", lambda a: a + np.uint8(30), r"recording \d: x 1\d\d, must be 0…127"),
    ("y", lambda a: a[:-1], r"y: needs \d+ entries"),
    ("p", lambda a: a[:-1], r"p: needs \d+ entries"),
    ("p", lambda a: a.astype(np.int32), r"p: must be bytes, got int32"),
    ("dt_hi", lambda a: a.astype(np.int64) + (1 << 40), r"dt_hi: must be 0…255"),
    ("label", lambda a: a + np.uint8(4), r"label: must be 0…4, got 5 at 1"),
    ("session", lambda a: a + np.uint8(1), r"session: must be 0…1, got 2 at 2"),
    ("session", lambda a: a[:-1], r"session: needs 4 entries, got 3"),
    ("offsets", lambda a: np.where(np.arange(5) == 2, a[1], a), r"recording 1: empty"),
    ("dt_hi", lambda a: np.full_like(a, 200), r"no window of 100 ms has 200 events"),
]


@pytest.mark.parametrize(("array", "change", "message"), WRONG)
def test_wrong_archives_are_named_with_what_is_wrong(
    folder: Path, array: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    arrays = write(folder, "dvs-objects")
    write(folder, "dvs-objects", arrays | {array: change(arrays[array])})
    with pytest.raises(DataError, match=rf"dvs_objects.npz: .*{message}") as error:
        prepared("dvs-objects")
    assert "\n" not in str(error.value)
