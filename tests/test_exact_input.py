"""What is given is what is used: nothing is rounded, wrapped, moved or dropped that nobody asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, NetworkError
from lapilli.simulators import Events, EventsError, run
from lapilli.simulators.files.event_file import EventFile, EventWriter
from lapilli.simulators.recording.file import RecordingError, RecordingFile

FIELDS = np.dtype([("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "i1")])


def tonic(*rows: tuple[float, int, int, int], dtype: Any = FIELDS, step_us: Any = 1000.0) -> Events:
    return Events.from_tonic([np.array(list(rows), dtype)], (10, 10, 2), step_us, 5)


@pytest.mark.parametrize("place", [(10, 0, 0), (-1, 1, 0), (0, 10, 0), (3, 10, -1), (0, 0, 2), (0, 0, -1)])
def test_a_place_outside_the_sensor_is_not_the_next_row(place: tuple[int, int, int]) -> None:
    with pytest.raises(EventsError, match="recording 0: a place outside the sensor"):
        tonic((0, *place))


@pytest.mark.parametrize("step_us", [0.0, -1.0, float("nan"), float("inf"), True, "1", None, np.complex128(1)])
def test_steps_have_a_length(step_us: Any) -> None:
    with pytest.raises(EventsError, match="step_us: must be a number above 0 and finite"):
        tonic((5, 1, 1, 1), step_us=step_us)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0])
def test_times_are_finite_and_not_before_the_start(time: float) -> None:
    floats = np.dtype([("t", "f8"), ("x", "f4"), ("y", "i2"), ("p", "?")])
    with pytest.raises(EventsError, match="recording 0: times must be finite"):
        tonic((time, 1, 1, 1), dtype=floats)
    assert tonic((1e300, 1, 1, 1), (999.5, 1, 1, 1), dtype=floats).step.tolist() == [0]
    with pytest.raises(EventsError, match="x must be a whole number"):
        tonic((0, 1.5, 1, 1), dtype=floats)  # type: ignore[arg-type]


def test_fields_that_the_sensor_needs_are_not_taken_for_zero() -> None:
    audio = np.array([(5, 1)], [("t", "i8"), ("x", "i2")])
    with pytest.raises(EventsError, match="recording 0: needs fields t, x, y, p"):
        Events.from_tonic([audio], (10, 10, 2), 1000, 5)


@pytest.mark.parametrize("n_steps", [20.7, 20.0, "20", True, None])
def test_a_number_of_steps_is_whole(n_steps: Any) -> None:
    with pytest.raises(EventsError, match="n_steps: must be a whole number"):
        Events([], [], [0], n_steps, (4,))  # type: ignore[arg-type]
    with pytest.raises(EventsError, match="n_steps: must be a whole number"):
        Events.from_tonic([], (10, 1, 1), 1000, n_steps)


def test_sides_of_shapes_are_whole() -> None:
    with pytest.raises(EventsError, match=r"shape: must be .* got \(4\.5,\)"):
        Events([], [], [0], 5, (4.5,))  # type: ignore[arg-type]
    layer = Layer("a", (3,), CubaLif(64, 1024, 128), (DenseSynapse("input", np.eye(3)),))
    with pytest.raises(NetworkError, match=r"input_shape: must be .* got \(3\.9,\)"):
        Network((3.9,), (layer,))  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match=r"shape: must be .* got \(3\.9,\)"):
        Network((3,), (Layer("a", (3.9,), layer.neuron, layer.synapses),))  # type: ignore[arg-type]
    assert Network(tuple(np.array([3])), (layer,)).input_shape == (3,)


@pytest.mark.parametrize("n_steps", [2.5, 0, True])
def test_steps_of_a_run_are_whole(n_steps: Any) -> None:
    layer = Layer("a", (3,), CubaLif(64, 1024, 128), (DenseSynapse("input", np.eye(3)),))
    with pytest.raises(LapilliError, match="n_steps: must be"):
        run(Network((3,), (layer,)), Events([], [], [0], 5, (3,)), n_steps=n_steps)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [1 + 2j, 2**63, 2**32 + 1, -(2**31) - 1, 1e300, np.uint64(2**64 - 1), 0.5, "1", np.datetime64("2020")]
)
def test_dense_values_that_events_cannot_hold_are_refused(value: Any) -> None:
    with pytest.raises(EventsError, match="dense spikes must"):
        Events.from_dense(np.array([[[value, value]]]))


@pytest.mark.parametrize("read", [Events.load, EventFile])
@pytest.mark.parametrize("name", ["labels", "offsets", "n_steps", "shape"])
def test_numbers_of_a_file_beyond_64_bits_with_a_sign_are_refused(tmp_path: Path, read: Any, name: str) -> None:
    arrays: dict[str, Any] = {"step": [0], "neuron": [0], "offsets": [0, 1], "labels": [1], "n_steps": 5, "shape": [4]}
    large = np.asarray(arrays[name], np.uint64) + np.uint64(2**63)
    np.savez(tmp_path / "in.npz", **arrays | {name: large})
    with pytest.raises(EventsError, match=rf"{name}: must be whole numbers in .*, got 92233720368547758"):
        read(tmp_path / "in.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([2**63], np.uint64)}, "labels: must be whole numbers in"),
        ({"samples": np.array([2**63], np.uint64)}, "samples: must be whole numbers in"),
        ({"fingerprint": np.full(32, 256)}, "fingerprint: must be 32 bytes"),
        ({"a/offsets": np.array([0, 2**63], np.uint64)}, "offsets: must be whole numbers in"),
    ],
)
def test_numbers_of_a_recording_too(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    facts: dict[str, Any] = {
        "schema": 1,
        "n_steps": 5,
        "fingerprint": np.zeros(32, np.uint8),
        "samples": [0],
        "labels": [0],
    }
    layer: dict[str, Any] = {"a/shape": [4], "a/step": [0], "a/neuron": [0], "a/offsets": [0, 1]}
    np.savez(tmp_path / "in.npz", **facts | layer)
    assert RecordingFile(tmp_path / "in.npz").read()["a"].spikes is not None
    np.savez(tmp_path / "in.npz", **facts | layer | change)
    with pytest.raises(RecordingError, match=message):
        RecordingFile(tmp_path / "in.npz")


def test_what_is_written_has_the_length_and_shape_of_its_file(tmp_path: Path) -> None:
    events = Events([0], [0], [0, 1], 5, (4,))  # type: ignore[arg-type]
    for n_steps, shape in ((6, (4,)), (5, (2, 2, 1))):
        with pytest.raises(EventsError, match="must be"), EventWriter(tmp_path / "out.npz", n_steps, shape) as writer:
            writer.add(events)
    assert not list(tmp_path.iterdir())
