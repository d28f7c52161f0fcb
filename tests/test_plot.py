"""Pictures: they show the spikes and states that were recorded, nothing overlaps, and both sources draw the same."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from matplotlib.text import Text

from lapilli import choices, cli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout, save
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.simulators import Events, RunResult, run
from lapilli.simulators.recording.choice import RecordedLayer, choose_record, recorded_layers, with_input
from lapilli.simulators.recording.plots import (
    MAX_TRACES,
    USUAL_TRACES,
    raster_picture,
    sample_figure,
    sample_picture,
    usual_record,
)
from lapilli.simulators.results import Recording


def make_network(n_hidden: int = 30) -> Network:
    rng = np.random.default_rng(0)
    hidden = Layer(
        "hidden",
        (n_hidden,),
        CubaLif(90, 1024, 256),
        (DenseSynapse("input", rng.integers(-20, 30, (n_hidden, 6)) * 4),),
    )
    weights = rng.integers(-20, 30, (4, n_hidden)) * 4
    output = Layer("output", (4,), CubaLif(NEVER_SPIKES, 900, 200), (DenseSynapse("hidden", weights),))
    return Network((6,), (hidden, output), readout=Readout("voltage_sum"))


def make_events(n_steps: int = 40) -> Events:
    return Events.from_dense(np.random.default_rng(1).random((3, 6, n_steps)) < 0.3, [2, 0, 1])


@pytest.fixture
def result() -> RunResult:
    return run(make_network(), make_events(), record=("spikes", "voltage", "current"))


def drawn(result: RunResult, record: Any, **options: Any) -> list[Any]:
    """Axes of a figure of a run."""
    layers = recorded_layers(make_network(), record)
    return sample_figure(layers, with_input(result, make_events()), "title", **options).axes


def marks(axis: Any) -> list[tuple[int, int]]:
    """(step, place) of every mark, in order."""
    return sorted((int(x), int(y)) for collection in axis.collections for x, y in collection.get_offsets())


def texts(axis: Any) -> list[str]:
    return [line.get_label() for line in axis.lines if not line.get_label().startswith("_")]


def test_marks_are_the_spikes(result: RunResult) -> None:
    (whole,) = drawn(result, {"hidden": ("spikes",)}, sample=1)
    spikes = result.recordings["hidden"].spikes.select([1])
    assert marks(whole) == sorted(zip(spikes.step.tolist(), spikes.neuron.tolist()))
    assert len(marks(whole)) > 50
    assert whole.get_title(loc="left") == f"hidden: 30 neurons, {spikes.n_events} spikes"
    chosen = np.array([2, 5, 29])
    (part,) = drawn(result, {"hidden": ("spikes",)}, sample=1, neurons=chosen, window=(10, 25))
    inside = [
        (step, [2, 5, 29].index(neuron)) for step, neuron in marks(whole) if 10 <= step < 25 and neuron in (2, 5, 29)
    ]
    assert marks(part) == inside
    assert len(inside) > 3
    assert part.get_xlim() == (9.5, 24.5)
    assert [part.yaxis.get_major_formatter()(place, None) for place in (0, 1, 2, 3, -1, 0.5)] == [
        "2",
        "5",
        "29",
        "",
        "",
        "",
    ]


def test_lines_are_the_states(result: RunResult) -> None:
    raster, voltage, current = drawn(result, {"hidden": ("spikes", "voltage", "current")}, sample=2, window=(5, 30))[:3]
    voltage, current = (voltage, current) if voltage.get_ylabel() == "voltage" else (current, voltage)
    for axis, kind in ((voltage, "voltage"), (current, "current")):
        values = getattr(result.recordings["hidden"], kind)[2]
        for neuron in range(USUAL_TRACES):
            (line,) = [line for line in axis.lines if line.get_label() == str(neuron)]
            assert line.get_xdata().tolist() == list(range(5, 30))
            assert line.get_ydata().tolist() == values[neuron, 5:30].tolist()
    assert texts(current) == [str(neuron) for neuron in range(USUAL_TRACES)]
    assert texts(voltage) == [*texts(current), "threshold"]
    assert voltage.lines[-1].get_ydata() == [90 << 6, 90 << 6]
    assert voltage.get_title(loc="left") == f"hidden: voltage of {USUAL_TRACES} of 30 neurons; dots are spikes"
    dots = [(step, neuron) for step, neuron in marks(raster) if neuron < USUAL_TRACES]
    assert marks(voltage) == [(step, 90 << 6) for step, _ in dots]


def test_a_readout_has_neither_raster_nor_threshold(result: RunResult) -> None:
    axes = drawn(result, {"output": ("spikes", "voltage")})
    assert [axis.get_ylabel() for axis in axes] == ["voltage"]
    assert texts(axes[0]) == ["0", "1", "2", "3"]
    assert [axis.get_ylabel() for axis in drawn(result, usual_record(make_network()))] == [
        "neuron",
        "neuron",
        "voltage",
    ]
    assert usual_record(make_network(), ["hidden"]) == {"hidden": ("spikes", "voltage")}


def test_more_traces_than_can_be_read_are_not_drawn(result: RunResult) -> None:
    (axis,) = drawn(result, {"hidden": ("current",)}, neurons=np.arange(2, 30))
    assert texts(axis) == [str(neuron) for neuron in range(2, 2 + MAX_TRACES)]
    assert axis.get_title(loc="left") == "hidden: current of 20 of 30 neurons"


def test_negative_values_are_told_from_positive_ones() -> None:
    dense = np.zeros((1, 3, 5), int)
    dense[0, 0, 1], dense[0, 2, 3], dense[0, 1, 4] = 7, -2, 3
    layer = RecordedLayer("a", (3,), ("spikes",))
    (axis,) = sample_figure([layer], {"a": Recording(Events.from_dense(dense))}, "").axes
    by_label = {
        collection.get_label(): np.asarray(collection.get_offsets()).tolist() for collection in axis.collections
    }
    assert by_label == {"positive": [[1, 0], [4, 1]], "negative": [[3, 2]]}
    assert axis.get_title(loc="left") == "a: 3 neurons, 3 spikes, values -2 … 7"


LONG = "a name that goes on and on with $x^2_{ and 層 " * 5


def picture_of(n_neurons: int, n_steps: int, name: str) -> Any:
    rng = np.random.default_rng(0)
    spikes = Events.from_dense(rng.random((1, n_neurons, n_steps), np.float32) < 0.05)
    states = rng.integers(-(1 << 23), 1 << 23, (1, n_neurons, n_steps), np.int32)
    layers, recordings = [], {}
    for number in range(4):
        layers.append(RecordedLayer(f"{number}{name}", (n_neurons,), ("spikes", "voltage"), {"voltage": 1 << 22}))
        recordings[layers[-1].name] = Recording(spikes, voltage=states)
    return sample_figure(layers, recordings, f"title {name}", neurons=np.arange(n_neurons))


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize(("n_neurons", "n_steps"), [(1, 5), (3, 12), (20, 100), (700, 1000), (5000, 300)])
@pytest.mark.parametrize("name", ["", LONG[:240]], ids=["short", "long"])
def test_nothing_overlaps_and_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, n_neurons: int, n_steps: int, name: str
) -> None:
    figure = picture_of(n_neurons, n_steps, name)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(60)
    shown: dict[Text, None] = {}
    draw = Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: (shown.setdefault(text), draw(text, renderer)))
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = {text: text.get_window_extent(renderer) for text in shown if text.get_text() and text.get_visible()}
    drawn_boxes = [(text.get_text(), box) for text, box in boxes.items()]
    assert len(drawn_boxes) > 8 * 3
    width, height = canvas.get_width_height()
    for text, box in drawn_boxes:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text
    for (one, first), (other, second) in combinations(drawn_boxes, 2):
        assert not first.padded(-1).overlaps(second.padded(-1)), (one, other)
    axes_boxes = [axis.get_window_extent(renderer) for axis in figure.axes]
    for text, box in drawn_boxes:
        assert not any(box.padded(-1).overlaps(inside) for inside in axes_boxes), text
    assert all(box.width > 0.6 * width for box in axes_boxes)


def test_marks_of_large_layers_stay_apart_and_visible() -> None:
    for n_neurons, n_steps in ((700, 1000), (5, 20)):
        figure = picture_of(n_neurons, n_steps, "")
        (marks,) = figure.axes[0].collections
        points = figure.axes[0].get_position().height * figure.get_figheight() * 72 / n_neurons
        length = float(np.sqrt(marks.get_sizes()[0]))
        assert 1 <= length <= max(1.3, points)
        assert 0.5 <= marks.get_linewidths()[0] <= 1.5
        assert marks.get_rasterized() == (n_neurons == 700)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".PNG"])
def test_the_suffix_chooses_the_format_and_the_bytes_repeat(tmp_path: Path, result: RunResult, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    network = make_network()
    raster_picture(network, make_events(), result, 0, path, LONG)
    first = path.read_bytes()
    raster_picture(network, make_events(), result, 0, path, LONG)
    assert path.read_bytes() == first
    if suffix == ".svg":
        assert ElementTree.fromstring(first).tag.endswith("svg")
    else:
        image = imread(path, format="png")
        assert image.shape[1] == 9 * 120
        assert 0.01 < np.mean(image[..., :3] < 0.9) < 0.3


def test_what_cannot_be_drawn_is_said(tmp_path: Path, result: RunResult) -> None:
    layers = recorded_layers(make_network(), {"output": ("voltage",)})
    recordings = with_input(result, make_events())
    with pytest.raises(LapilliError, match=r"pictures are written as \.png or \.svg, got .*a\.jpg"):
        sample_picture(layers, recordings, tmp_path / "a.jpg", "")
    with pytest.raises(LapilliError, match="neurons: layer 'output' has 4, none of those chosen"):
        sample_picture(layers, recordings, tmp_path / "a.png", "", neurons=np.array([4, 9]))
    with pytest.raises(LapilliError, match="nothing to draw"):
        sample_picture([], recordings, tmp_path / "a.png", "")
    with pytest.raises(LapilliError, match="41 rasters and traces are more than 40; choose fewer layers"):
        sample_picture(layers * 41, recordings, tmp_path / "a.png", "")
    with pytest.raises(LapilliError, match="voltage of layer 'output' was not recorded"):
        sample_picture(layers, {"output": Recording()}, tmp_path / "a.png", "")
    assert list(tmp_path.iterdir()) == []


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    try:
        status = cli.main([str(word) for word in words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save(make_network(), tmp_path / "model.net")
    make_events().save(tmp_path / "events.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def without_title(path: str) -> str:
    """An SVG without the comment and the glyphs of its first line, which names the source."""
    return re.sub(r"<!-- [^>]*, sample 1.*?-->.*?</g>\s*</g>", "", Path(path).read_text(encoding="utf-8"), flags=re.S)


def test_a_recording_and_a_run_give_the_same_picture(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = ("--record", "spikes,voltage", "--recording", "r.npz", "--n-steps", 42, "--record-samples", "1:")
    status, _, err = call(capsys, "simulate", "model.net", "--input", "events.npz", "--out", "out.npz", *record)
    assert status == 0, err
    options = ("--sample", 1, "--layers", "hidden,output", "--neurons", "0:4", "--steps", "10:30")
    status, out, err = call(capsys, "plot", "r.npz", "--out", "recording.svg", *options)
    assert (status, out) == (0, "picture: recording.svg\n"), err
    for backend in ("fast", "reference"):
        run_options = ("--input", "events.npz", "--show", "spikes,voltage", "--backend", backend)
        status, out, err = call(capsys, "plot", "model.net", "--out", "run.svg", *run_options, *options)
        assert (status, out) == (0, "picture: run.svg\n"), err
        assert "<!-- model.net, sample 1, class 0, decided " in Path("run.svg").read_text(encoding="utf-8")
        assert without_title("run.svg") == without_title("recording.svg")
        assert len(without_title("run.svg")) > 10_000
    assert "<!-- r.npz, sample 1, class 0 -->" in Path("recording.svg").read_text(encoding="utf-8")


def test_a_picture_without_options(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "plot", "model.net", "--input", "events.npz", "--out", "a.png")[0] == 0
    assert imread("a.png").shape[1] == 9 * 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model.net", "--out", "a.png"), "model.net is no recording; to draw a network, give the events"),
        (("none.npz", "--out", "a.png"), "cannot read none.npz"),
        (("events.npz", "--out", "a.png"), "events.npz: schema: missing"),
        (
            ("model.net", "--input", "events.npz", "--out", "a.gif"),
            "pictures are written as .png or .svg, got a.gif",
        ),
        (("model.net", "--input", "events.npz", "--out", "no/a.png"), "cannot write no/a.png"),
        (("model.net", "--input", "events.npz", "--out", "a.png", "--sample", "3"), "has 3 samples, got 3"),
        (("model.net", "--input", "events.npz", "--out", "a.png", "--sample", "-1"), "has 3 samples, got -1"),
        (
            ("model.net", "--input", "events.npz", "--out", "a.png", "--layers", "x"),
            "--layers: must be one of input, hidden, output, got 'x'",
        ),
        (
            ("model.net", "--input", "events.npz", "--out", "a.png", "--show", "sigma"),
            "--show: no chosen layer has 'sigma'",
        ),
        (("model.net", "--input", "events.npz", "--out", "a.png", "--neurons", "30"), "--neurons: must be below 30"),
        (("model.net", "--input", "events.npz", "--out", "a.png", "--neurons", "9"), "layer 'input' has 6, none of"),
        (
            ("model.net", "--input", "events.npz", "--out", "a.png", "--steps", "50:60"),
            "--steps: must be within 0:42",
        ),
        (("model.net", "--input", "events.npz", "--out", "a.png", "--steps", "5"), "--steps: must be as 100:300"),
        (("r.npz", "--out", "a.png", "--backend", "lava"), "--backend, --n-steps and --time-limit-s need --input"),
        (("r.npz", "--out", "a.png", "--sample", "0"), "sample 0 was not recorded; recorded are 1, 2"),
        (("r.npz", "--out", "a.png", "--show", "current"), "--show: r.npz has no current, only spikes, voltage"),
        (
            ("r.npz", "--out", "a.png", "--layers", "out"),
            "--layers: for r.npz must be one of input, hidden, output, got 'out'",
        ),
        (("r.npz", "--out", "a.png", "--layers", "input", "--show", "voltage"), "has only spikes of layer 'input'"),
    ],
)
def test_wrong_options_are_one_sentence(
    files: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    record = ("--record", "spikes,voltage", "--recording", "r.npz", "--record-samples", "1:")
    assert call(capsys, "simulate", "model.net", "--input", "events.npz", "--out", "out.npz", *record)[0] == 0
    before = sorted(path.name for path in files.iterdir())
    status, _, err = call(capsys, "plot", *words)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in files.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "found"),
    [("0", [0]), ("5:8,0,3", [0, 3, 5, 6, 7]), (" 1 , 1", [1]), (":2,8:", [0, 1, 8, 9]), (":", list(range(10)))],
)
def test_numbers_are_read_as_written(text: str, found: list[int]) -> None:
    assert choices.numbers(text, "samples", 10).tolist() == found


@pytest.mark.parametrize("text", ["", ",", "a", "1-3", "-1", "3:2", "0:11", "10", "1:2:3", "9" * 5000, "٣", "1.0"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(LapilliError, match=r"^--samples: must be "):
        choices.numbers(text, "samples", 10)


def test_record_is_chosen_by_name() -> None:
    assert choices.names('hidden, "a, b",hidden', "layers") == ["hidden", "a, b"]
    assert choose_record(make_network(), ["voltage"]) == {"hidden": ("voltage",), "output": ("voltage",)}
