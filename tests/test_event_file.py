"""Event files read and written a few samples at a time."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, EventsError, events_equal
from lapilli.simulators.files.event_file import EventFile, EventWriter


def events(n_samples: int = 23, graded: bool = False, labels: bool = True) -> Events:
    rng = np.random.default_rng(n_samples)
    dense = (rng.random((n_samples, 30, 12)) < 0.2) * (rng.integers(2, 9, (n_samples, 30, 12)) if graded else 1)
    return Events.from_dense(dense, rng.integers(0, 5, n_samples) if labels else None)


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("size", [1, 7, 23, 100])
def test_chunks_put_together_are_the_file(tmp_path: Path, graded: bool, size: int) -> None:
    whole = events(graded=graded)
    whole.save(tmp_path / "in.npz")
    file = EventFile(tmp_path / "in.npz")
    with EventWriter(tmp_path / "out.npz", file.n_steps, file.shape) as writer:
        for first, chunk in enumerate(file.chunks(size)):
            assert events_equal(chunk, whole.select(slice(first * size, (first + 1) * size)))
            writer.add(chunk)
    again = Events.load(tmp_path / "out.npz")
    assert events_equal(whole, again)
    assert again.labels.tolist() == whole.labels.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "out.npz"]


def test_no_samples_and_no_labels(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "empty.npz", 4, (3,)):
        pass
    assert len(Events.load(tmp_path / "empty.npz")) == 0
    assert list(EventFile(tmp_path / "empty.npz").chunks(5)) == []
    events(labels=False).save(tmp_path / "in.npz")
    assert EventFile(tmp_path / "in.npz").labels is None


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    part = Events.from_dense(np.random.default_rng(0).random((64, 100, 50)) < 0.2)
    peaks = []
    for n_parts in (30, 90):
        with EventWriter(tmp_path / "big.npz", 50, (100,)) as writer:
            for _ in range(n_parts):
                writer.add(part)
        tracemalloc.start()
        with EventWriter(tmp_path / "copy.npz", 50, (100,)) as writer:
            for chunk in EventFile(tmp_path / "big.npz").chunks(64):
                writer.add(chunk)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(EventFile(tmp_path / "copy.npz")) == 90 * 64
    assert peaks[1] < 1.1 * peaks[0]


def test_an_error_in_the_block_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(EventsError), EventWriter(tmp_path / "out.npz", 12, (30,)) as writer:
        writer.add(Events(np.array([0]), np.array([99]), np.array([0, 1]), 12, (30,)))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LapilliError, match="cannot write"), EventWriter(tmp_path / "none" / "out.npz", 12, (30,)):
        pass


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": None}, "step: missing"),
        ({"neuron": np.zeros(3, int)}, "neuron: needs [0-9]+ entries"),
        ({"offsets": np.array([0, 5, 3, 700])}, "offsets: must rise"),
        ({"offsets": np.array([1, 5, 9])}, "offsets: must rise from 0"),
        ({"offsets": np.zeros(0, int)}, "offsets: must rise from 0"),
        ({"labels": np.zeros(2, int)}, "labels: needs one entry for each of 23 samples"),
        ({"n_steps": np.int64(-2)}, "n_steps: must be"),
        ({"shape": np.array([1 << 40])}, "shape: must be"),
    ],
)
def test_contradictions_are_named_before_reading(tmp_path: Path, changes: dict, message: str) -> None:
    events().save(tmp_path / "in.npz")
    with np.load(tmp_path / "in.npz") as archive:
        arrays = dict(archive) | changes
    np.savez(tmp_path / "in.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(EventsError, match=message):
        EventFile(tmp_path / "in.npz")


def test_a_damaged_chunk_is_named_when_it_is_reached(tmp_path: Path) -> None:
    whole = events()
    step = whole.step.copy()
    step[whole.offsets[15]] = 99
    np.savez(tmp_path / "in.npz", step=step, neuron=whole.neuron, offsets=whole.offsets, n_steps=12, shape=[30])
    chunks = EventFile(tmp_path / "in.npz").chunks(5)
    assert len([next(chunks) for _ in range(3)]) == 3
    with pytest.raises(EventsError, match=r"in.npz: samples 15…19: step: must be 0…11, got 99"):
        next(chunks)


def test_chunks_with_and_without_values_become_one_file(tmp_path: Path) -> None:
    """A chunk of which every value is 1 comes without values."""
    plain = Events.from_dense(np.array([[[1, 0, 1]], [[0, 1, 1]]]))
    graded = Events.from_dense(np.array([[[0, 5, -2]]]))
    assert plain.value is None
    with EventWriter(tmp_path / "mixed.npz", 3, (1,)) as writer:
        for chunk in (plain, graded, plain):
            writer.add(chunk)
    read = Events.load(tmp_path / "mixed.npz")
    assert read.value is not None
    assert read.value.tolist() == [1, 1, 1, 1, 5, -2, 1, 1, 1, 1]
    assert read.step.tolist() == [0, 2, 1, 2, 1, 2, 0, 2, 1, 2]
