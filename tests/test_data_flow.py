"""Rendered event sequences: their flow is exact, and their events are those of single pixels in a slow loop."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from data_archives import Arrays, evbench_arrays
from PIL import Image

from lapilli import cli
from lapilli.training.data.flow.evbench import FILE, read_evbench
from lapilli.training.data.flow.motion import Motion, drawn_motion, flow_field, view
from lapilli.training.data.flow.pixels import PixelModel, Pixels
from lapilli.training.data.flow.rendering import LARGEST_MOVE, Recorded, brightness, n_images, render
from lapilli.training.data.flow.sequences import (
    FlowSequences,
    make_sequences,
    read_sequences,
    save_sequences,
)
from lapilli.training.data.flow.textures import texture, textures_of
from lapilli.training.data.folders import find_file
from lapilli.training.data.sets import DataError

SIDE = 12
EXACT = PixelModel(deviation=0.0, refractory_us=0.0, leak_hz=0.0)


def waves(side: int = 64) -> np.ndarray:
    """A smooth texture, so that its differences are its derivatives."""
    x, y = view(side)
    return np.sin(x / 5) + np.cos(y / 7 + x / 11)


@pytest.mark.parametrize("seed", range(5))
def test_flow_is_the_derivative_of_where_things_are(seed: int) -> None:
    motion = drawn_motion(np.random.default_rng(seed))
    x, y = view(SIDE)
    small = 1e-5
    for seconds in (0.0, 0.3):
        # Of what is at (x, y) at this time: where it was at time 0, and where it is a little earlier and later.
        origin = motion.moved(x, y, -seconds)
        early, late = (np.stack(motion.moved(*origin, seconds + step)) for step in (-small, small))
        assert np.allclose((late - early) / (2 * small), flow_field(motion, SIDE), rtol=0, atol=1e-4)


def test_flow_of_single_parts_of_a_motion() -> None:
    x, y = np.array([3.0, 0.0]), np.array([0.0, -2.0])

    def flow(**entries: float) -> np.ndarray:
        generator = np.zeros((3, 3))
        for name, entry in entries.items():
            generator[int(name[1]), int(name[2])] = entry
        return np.stack(Motion(generator).flow(x, y))

    # To the right and up; clockwise as y points down; growth.
    assert flow(g02=5, g12=-1).tolist() == [[5, 5], [-1, -1]]
    assert flow(g01=-1, g10=1).tolist() == [[0, 2], [3, 0]]
    assert flow(g00=2, g11=2).tolist() == [[6, 0], [0, -4]]
    assert flow(g20=0.5).tolist() == [[-4.5, 0], [0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_brightness_moves_with_the_flow(seed: int) -> None:
    motion = drawn_motion(np.random.default_rng(seed))
    x, y = view(SIDE)
    u, v = flow_field(motion, SIDE)
    time, small, seconds = 0.1, 1e-3, 1e-5

    def of(dx: float = 0, dy: float = 0, dt: float = 0) -> np.ndarray:
        return brightness(waves(), motion, x + dx, y + dy, time + dt)

    change = (of(dt=seconds) - of(dt=-seconds)) / (2 * seconds)
    along_x = (of(dx=small) - of(dx=-small)) / (2 * small)
    along_y = (of(dy=small) - of(dy=-small)) / (2 * small)
    assert np.abs(change).max() > 1
    assert np.allclose(change + u * along_x + v * along_y, 0, atol=1e-3 * np.abs(change).max())


def test_interpolation_meets_pixels_and_straight_lines() -> None:
    still = Motion(np.zeros((3, 3)))
    image = np.random.default_rng(0).random((SIDE, SIDE))
    x, y = view(SIDE)
    assert np.allclose(brightness(image, still, x, y, 0.0), image)
    slope = 2 * x + 3 * y
    inner = np.array([[-1.3, 0.2], [0.45, 2.0]])
    assert np.allclose(brightness(slope, still, inner, inner + 0.3, 0.0), 2 * inner + 3 * (inner + 0.3))
    # Beyond its end it goes on as in a mirror.
    assert np.isclose(brightness(image, still, x[:1, :1] - 1, y[:1, :1], 0.0)[0, 0], image[0, 0])


Fired = list[tuple[float, int]]


def single_pixel(signal: list[float], times: list[float], on: float, off: float, start: float, rest_us: float) -> Fired:
    """Time and polarity of the events of one pixel whose signal moves along straight lines, crossing by crossing."""
    reference, last, fired = start, -np.inf, []
    for (before, after), (begin, end) in zip(pairwise(signal), pairwise(times)):
        rises = after > before
        while (after - reference >= on) if rises else (reference - after >= off):
            reference += on if rises else -off
            now = begin + (reference - before) / (after - before) * (end - begin)
            if now - last >= rest_us:
                fired.append((now, int(rises)))
                last = now
    return fired


@pytest.mark.parametrize(
    "model", [PixelModel(), PixelModel(refractory_us=0), PixelModel(threshold=0.1, refractory_us=20_000, leak_hz=20)]
)
def test_events_are_those_of_single_pixels(model: PixelModel) -> None:
    motion = Motion(np.array([[0.2, -0.5, 40.0], [0.5, 0.2, -25.0], [0, 0, 0]]))
    duration = 400_000
    found = render(waves(), motion, SIDE, duration, model, np.random.default_rng(3))
    x, y = (place.ravel() for place in view(SIDE))
    pixels = Pixels(model, brightness(waves(), motion, x, y, 0.0), np.random.default_rng(3))
    times = np.linspace(0, duration, n_images(motion, SIDE, duration) + 1)
    seen = np.stack([brightness(waves(), motion, x, y, now * 1e-6) for now in times])
    seen += np.outer(times * 1e-6, pixels.on * model.leak_hz)
    n_events = 0
    for pixel in range(SIDE * SIDE):
        thresholds = (pixels.on[pixel], pixels.off[pixel], pixels.reference[pixel])
        expected = single_pixel(seen[:, pixel].tolist(), times.tolist(), *thresholds, model.refractory_us)
        here = (found.y == pixel // SIDE) & (found.x == pixel % SIDE)
        assert found.polarity[here].tolist() == [polarity for _, polarity in expected]
        assert np.all(np.abs(found.time_us[here] + 0.5 - [time for time, _ in expected]) <= 0.51)
        n_events += len(expected)
    assert n_events == len(found) > 700
    assert {0, 1} == set(found.polarity.tolist())
    assert np.all(np.diff(found.time_us) >= 0)


def test_events_add_up_to_the_change_of_brightness() -> None:
    motion = Motion(np.array([[0, 0, 50.0], [0, 0, 20.0], [0, 0, 0]]))
    found = render(waves(), motion, SIDE, 200_000, EXACT, np.random.default_rng(0))
    x, y = view(SIDE)
    change = brightness(waves(), motion, x, y, 0.2) - brightness(waves(), motion, x, y, 0.0)
    total = np.zeros((SIDE, SIDE))
    np.add.at(total, (found.y, found.x), np.where(found.polarity, EXACT.threshold, -EXACT.threshold))
    # The reference begins, and ends, within one threshold of the brightness.
    assert np.abs(total - change).max() < 2 * EXACT.threshold
    assert np.abs(change).max() > 5 * EXACT.threshold


def sharpness(events: Recorded, flow: np.ndarray) -> float:
    """Variance of the image of events that are carried along a flow, to where they would be at time 0."""
    x, y = (np.rint(place - speed * events.time_us * 1e-6) for place, speed in zip((events.x, events.y), flow))
    edges = [-150.5, 349.5]
    image = np.histogram2d(y, x, bins=500, range=[edges, edges])[0]
    return float(np.var(image))


@pytest.mark.parametrize("direction", [(1, 0), (0, -1), (-0.6, 0.8)])
def test_events_are_sharpest_along_their_flow(direction: tuple[float, float]) -> None:
    flow = 60 * np.array(direction)
    motion = Motion(np.array([[0, 0, flow[0]], [0, 0, flow[1]], [0, 0, 0]]))
    events = render(texture(11), motion, 48, 200_000, PixelModel(), np.random.default_rng(0))
    along = sharpness(events, flow)
    others = [-flow, 0 * flow, 0.5 * flow, 1.5 * flow, flow[::-1] * [1, -1]]
    assert all(along > 1.2 * sharpness(events, other) for other in others)


def test_a_pixel_that_sees_nothing_leaks() -> None:
    still, model = Motion(np.zeros((3, 3))), PixelModel(leak_hz=5)
    found = render(np.zeros((8, 8)), still, 8, 2_000_000, model, np.random.default_rng(0))
    assert found.polarity.all()
    counts = np.bincount(found.y * 8 + found.x, minlength=64)
    # References begin anywhere within both thresholds.
    assert counts.min() >= 8
    assert counts.max() <= 11
    assert not len(render(np.zeros((8, 8)), still, 8, 2_000_000, EXACT, np.random.default_rng(0)))


def test_nothing_moves_far_between_two_images() -> None:
    motion = drawn_motion(np.random.default_rng(1))
    fastest = np.hypot(*flow_field(motion, SIDE)).max()
    images = n_images(motion, SIDE, 500_000)
    assert fastest * 0.5 / images <= LARGEST_MOVE < fastest * 0.5 / (images - 1)


def test_textures_have_contrast_and_parts_of_their_own() -> None:
    parts = [textures_of(part) for part in range(3)]
    assert all(parts)
    numbers = [number for part in parts for number in part]
    assert len(set(numbers)) == len(numbers)
    assert all(texture(number).shape == (128, 128) and texture(number).std() >= 0.2 for number in numbers)


@pytest.fixture(scope="module")
def made() -> FlowSequences:
    return make_sequences(6, 16, 50_000, 4, PixelModel())


def test_equal_seeds_give_equal_bytes(made: FlowSequences, tmp_path: Path) -> None:
    save_sequences(made, tmp_path / "a.npz")
    save_sequences(make_sequences(6, 16, 50_000, 4, PixelModel()), tmp_path / "b.npz")
    save_sequences(make_sequences(6, 16, 50_000, 5, PixelModel()), tmp_path / "c.npz")
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b != c


def test_sequences_are_read_as_they_were_made(made: FlowSequences, tmp_path: Path) -> None:
    save_sequences(made, tmp_path / "flow.npz")
    found = read_sequences(tmp_path / "flow.npz")
    assert (found.side, found.duration_us, found.seed) == (16, 50_000, 4)
    assert [one.part for one in found.sequences] == [0, 0, 0, 0, 1, 2]
    for number, (one, other) in enumerate(zip(found.sequences, made.sequences, strict=True)):
        assert one.texture == other.texture in textures_of(one.part)
        for name in ("time_us", "x", "y", "polarity"):
            assert np.array_equal(getattr(one.events, name), getattr(other.events, name))
        assert np.array_equal(found.flow(number), made.flow(number))
    # One more sequence changes none of the others.
    more = make_sequences(7, 16, 50_000, 4, PixelModel()).sequences[5]
    assert np.array_equal(more.events.time_us, made.sequences[5].events.time_us)


WRONG: list[tuple[str, Callable[[np.ndarray], np.ndarray], str]] = [
    ("x", lambda a: a + np.uint8(16), r"recording 0: x \d+, must be 0…15"),
    ("x", lambda a: a.astype(float), r"x: must be integers"),
    ("y", lambda a: a[:-1], r"y: needs \d+ entries"),
    ("p", lambda a: a[:-1], r"p: needs \d+ entries"),
    ("dt_us", lambda a: a - 1, r"dt_us: must be 0…10000000, got -1"),
    ("dt_us", lambda a: a + 1000, r"sequence \d: lasts \d+ µs, must be below 50000"),
    ("offsets", lambda a: a[::-1], r"offsets: must rise from 0"),
    ("generator", lambda a: a * np.nan, r"generator: must be \(sequences, 3, 3\), numbers of at most ±6000"),
    ("generator", lambda a: a[:, :2], r"generator: must be \(sequences, 3, 3\)"),
    ("texture", lambda a: a - 1000, r"texture: must be 0…29"),
    ("part", lambda a: a + 1, r"part: must be 0…2, got 3 at 5"),
    ("side", lambda a: a * 100, r"side: must be 2…256, got 1600"),
    ("duration_us", lambda a: a * 0, r"duration_us: must be 1…10000000, got 0"),
]


@pytest.mark.parametrize(("array", "change", "message"), WRONG)
def test_wrong_files_are_named_with_what_is_wrong(
    made: FlowSequences, tmp_path: Path, array: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = tmp_path / "flow.npz"
    save_sequences(made, path)
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {array: change(arrays[array])})
    with pytest.raises(DataError, match=rf"flow.npz: .*{message}") as error:
        read_sequences(path)
    assert "\n" not in str(error.value)


def write_evbench(folder: Path, **others: np.ndarray) -> tuple[Path, Arrays]:
    arrays = evbench_arrays(np.random.default_rng(0))
    np.savez(folder / FILE, **arrays | others)
    return folder / FILE, arrays


def test_real_sequences_are_read_as_they_stand(tmp_path: Path) -> None:
    path, arrays = write_evbench(tmp_path)
    polarity = np.unpackbits(arrays["p"])
    found = read_evbench(path)
    assert len(found) == 2
    for number, one in enumerate(found):
        time, part = 0, range(*arrays["offsets"][number : number + 2])
        for place, event in enumerate(part):
            time += int(arrays["dt_us_lo"][event]) + 256 * int(arrays["dt_us_hi"][event])
            seen = (one.events.time_us[place], one.events.x[place], one.events.y[place], one.events.polarity[place])
            assert seen == (time, arrays["x"][event], arrays["y"][event], polarity[event])
        assert len(one.events) == len(part)
        assert one.flow.tolist() == arrays["flow_px_per_s"][number].tolist()


@pytest.mark.parametrize(
    ("array", "change", "message"),
    [
        ("y", lambda a: a + np.uint8(10), r"recording \d: y 18\d, must be 0…179"),
        ("dt_us_hi", lambda a: a.astype(int) - 1, r"dt_us_hi: must be 0…255, got -1"),
        ("flow_px_per_s", lambda a: a * np.nan, r"flow_px_per_s: must be two finite numbers for each of 2"),
        ("flow_std", lambda a: a[:1], r"flow_px_per_s: must be two finite numbers for each of 1"),
        ("p", lambda a: a.astype(float), r"p: must be integers, got float64"),
        ("offsets", lambda a: a * [1, 0, 1], r"recording 0: empty"),
    ],
)
def test_wrong_real_sequences_are_named(
    tmp_path: Path, array: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    _, arrays = write_evbench(tmp_path)
    path, _ = write_evbench(tmp_path, **{array: change(arrays[array])})
    with pytest.raises(DataError, match=rf"evbench_dvs.npz: .*{message}"):
        read_evbench(path)


def test_the_real_sequences_where_they_are() -> None:
    path = find_file(FILE)
    if path is None:
        pytest.skip(f"{FILE} is not here (LAPILLI_SHARED_DATA)")
    found = read_evbench(path)
    assert [len(one.events) for one in found] == [132_784, 273_143, 321_343]
    # The first 0.3 s of each: the same sign and unit as in what is rendered.
    for one in found:
        first = slice(0, int(np.searchsorted(one.events.time_us, 300_000)))
        seen = (getattr(one.events, name)[first] for name in ("time_us", "x", "y", "polarity"))
        events = Recorded(*seen)
        along = sharpness(events, one.flow)
        assert all(along > sharpness(events, factor * one.flow) for factor in (-1, 0, 0.5, 1.5))


def test_the_command_writes_a_file_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--sequences", "2", "--side", "16", "--duration-ms", "30"]
    out, picture = tmp_path / "flow.npz", tmp_path / "flow.png"
    assert cli.main(["data", "make", "flow", *words, "--out", str(out), "--picture", str(picture)]) == 0
    assert "2 simulated sequences of 30 ms, 16 × 16 pixels" in capsys.readouterr().out
    assert len(read_sequences(out).sequences) == 2
    with Image.open(picture) as image:
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 10


def test_the_picture_does_not_take_the_place_of_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "flow.png")
    words = ["--sequences", "1", "--side", "8", "--duration-ms", "1"]
    assert cli.main(["data", "make", "flow", *words, "--out", out, "--picture", out]) == 2
    assert capsys.readouterr().err == "lapilli: --out and --picture must not be the same file\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["flux"], "data make: must be flow, got 'flux'"),
        (["flow", "--side", "7"], "side: must be 8…256, got 7"),
        (["flow", "--picture", "flow.txt"], "flow.txt"),
    ],
)
def test_wrong_words_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert cli.main(["data", "make", *words, "--out", str(tmp_path / "flow.npz")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "flow.npz").exists()
