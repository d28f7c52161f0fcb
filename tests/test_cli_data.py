"""`lapilli data`: what is here, preparing, pictures; errors in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from data_archives import write
from PIL import Image

from lapilli import cli
from lapilli.commands import data_list
from lapilli.simulators import Events
from lapilli.training.data.catalogue import DATA_SETS, prepared
from lapilli.training.data.pictures import coloured, frame_edges


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setattr("lapilli.training.data.folders.search_folders", lambda: (tmp_path,))
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("verb", ["list", "prepare", "show"])
def test_help_describes_every_option(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    status, out, _ = call(capsys, "data", verb, "--help")
    assert status == 0
    assert f"usage: lapilli data {verb}" in out
    if verb != "list":
        assert "--framing.bin-ms" in out
        assert "Width of a time step in ms" in out
        assert "Speakers or users held out of training" in out


def test_list_knows_a_package_that_data_come_with_and_that_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_list, "find_spec", lambda module: None)
    status, out, _ = call(capsys, "data", "list", "--json")
    digits = next(found for found in json.loads(out)["sets"] if found["name"] == "digits")
    assert (status, digits["here"], digits["missing_modules"]) == (0, False, ["sklearn"])
    assert "what comes with sklearn is not here: pip install scikit-learn\n" in call(capsys, "data", "list")[1]


def test_list_says_what_is_here_and_how_to_get_the_rest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "hapt")
    prepared("hapt")
    status, out, _ = call(capsys, "data", "list", "--json")
    assert status == 0
    listed = json.loads(out)
    sets = {row["name"]: row for row in listed["sets"]}
    assert sets.keys() == DATA_SETS.keys()
    assert sets["hapt"]["here"]
    assert sets["hapt"]["bytes"] == (folder / "hapt.npz").stat().st_size
    assert sets["hapt"]["prepared"] == [str(prepared("hapt").folder)]
    assert sets["hapt"]["prepared_bytes"] > sets["hapt"]["bytes"] / 100
    assert sets["mnist"]["missing"] == ["mnist.npz"]
    assert not sets["mnist"]["here"]
    assert "no commercial use" in sets["hapt"]["licence"]
    status, out, _ = call(capsys, "data", "list")
    assert status == 0
    text = " ".join(out.split())
    assert "what is not here, and goes to" in text
    assert "mnist: mnist.npz; `lapilli data convert mnist FOLDER` makes it from the four idx files of https:" in text
    assert "hapt: hapt.npz;" not in text


def test_prepare_says_what_came_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "shd-regenerated")
    words = ("data", "prepare", "shd-regenerated", "--framing.bin-ms", "4", "--framing.pool", "5")
    status, out, _ = call(capsys, *words, "--split.validation-groups", "[0,1]", "--json")
    assert status == 0
    facts = json.loads(out)
    assert facts["shape"] == [140]
    assert facts["step_ms"] == 4
    assert facts["framing"]["pool"] == 5
    assert facts["open_seconds"] < 300
    assert [(part["part"], part["samples"], part["groups"]) for part in facts["parts"]] == [
        ("train", 16, 8),
        ("validation", 4, 2),
        ("test", 4, 2),
    ]
    status, out, _ = call(capsys, *words)
    assert status == 0
    assert "shd-regenerated: 20 classes, input 140" in out


def test_prepare_counts_lines_beside_the_channels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "shd-regenerated")
    found = {}
    for lines in ("none", "valid", "valid and keys"):
        words = ("data", "prepare", "shd-regenerated", "--framing.bin-ms", "4", "--lines", lines, "--json")
        status, out, _ = call(capsys, *words)
        assert status == 0
        found[lines] = json.loads(out)
    n_channels, n_steps = found["none"]["shape"][0], found["none"]["n_steps"]
    assert [found[lines]["shape"] for lines in found] == [[n_channels], [n_channels + 1], [n_channels + 2]]
    assert [found[lines]["lines"] for lines in found] == list(found)
    assert len({facts["folder"] for facts in found.values()}) == 1
    for none, valid, keys in zip(*(facts["parts"] for facts in found.values())):
        assert valid["spikes_per_sample"] == pytest.approx(none["spikes_per_sample"] + n_steps, abs=0.11)
        assert valid["spikes_per_sample"] < keys["spikes_per_sample"] <= valid["spikes_per_sample"] + n_steps
        assert none["longest"] == valid["longest"] == keys["longest"]


def test_lines_of_images_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "nmnist-small")
    for verb in ("prepare", "show"):
        out = ("--out", str(folder / "p.png")) if verb == "show" else ()
        status, _, err = call(capsys, "data", verb, "nmnist-small", "--lines", "valid", *out)
        assert status != 0
        assert "data.lines: stand beside channels" in err
    assert not (folder / "p.png").exists()


def test_show_draws_lines(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "shd-regenerated")
    drawn: list[Events] = []
    monkeypatch.setattr("lapilli.training.data.pictures.draw_sample", lambda events, *_: drawn.append(events))
    words = ("data", "show", "shd-regenerated", "--framing.pool", "5", "--out", str(folder / "p.png"))
    for lines in ("none", "valid and keys"):
        assert call(capsys, *words, "--lines", lines)[0] == 0
    channels, both = (events.to_dense()[0] for events in drawn)
    assert np.array_equal(both[:140], channels)
    assert np.all(both[140] == 1)
    length = int(both[141].sum())
    assert np.array_equal(both[141], np.arange(both.shape[1]) < length)
    assert 0 < length <= both.shape[1]


def test_prepare_checks_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "hapt")
    assert call(capsys, "data", "prepare", "hapt")[2] == ""
    file = prepared("hapt").folder / "value.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    status, _, err = call(capsys, "data", "prepare", "hapt")
    assert status == 0
    assert "hapt does not have its checksums and is made anew" in err
    assert file.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shd-regenerated", ()),
        ("shd-regenerated", ("--framing.values", "binary")),
        ("hapt", ()),
        ("hapt", ("--framing.encoder", "rate")),
        ("nmnist-small", ("--part", "test", "--sample", "3")),
    ],
)
def test_show_draws_the_same_picture_each_time(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...]
) -> None:
    write(folder, name)
    for picture in ("one.png", "two.png", "three.svg"):
        status, out, err = call(capsys, "data", "show", name, "--out", str(folder / picture), *options)
        assert (status, err) == (0, "")
        assert out == f"picture: {folder / picture}\n"
    assert (folder / "one.png").read_bytes() == (folder / "two.png").read_bytes()
    with Image.open(folder / "one.png") as image:
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data", "remove"), "data: must be list, prepare, show, save, convert or make, got 'remove'\n"),
        (("data",), "data: must be list, prepare, show, save, convert or make\n"),
        (("data", "sho", "digits", "--json"), "convert or make, got 'sho'; did you mean show?\n"),
        (("data", "prepare", "xxxx"), "unknown data set 'xxxx'; data sets are digits, "),
        (("data", "prepare", "imagenet"), "unknown data set 'imagenet'; did you mean tiny-imagenet?\n"),
        (("data", "prepare", "mnist"), "data set mnist needs mnist.npz in "),
        (
            ("data", "prepare", "digits", "--framing.pool", "2"),
            "data set digits has no pool to choose; it takes n_steps",
        ),
        (("data", "show", "digits", "--out", "x.jpg"), "pictures are written as .png or .svg, got x.jpg"),
        (
            ("data", "show", "digits", "--out", "x.png", "--sample", "-1"),
            "train part of digits has 1221 samples, got -1",
        ),
    ],
)
def test_errors_are_one_sentence(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    status, out, err = call(capsys, *words)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_frames_hold_all_steps_once() -> None:
    dense = np.zeros((1, 2, 3, 3, 20), int)
    dense[0, 0, 0, 0, 13] = 1
    events = Events.from_dense(dense)
    assert frame_edges(events, 20)[[0, -1]].tolist() == [0, 20]
    assert len(frame_edges(events, 20)) == 9
    assert frame_edges(events, 3).tolist() == [0, 3]
    still = Events.from_dense(np.ones((1, 1, 2, 2, 5), int))
    assert frame_edges(still, 5).tolist() == [0, 5]


def test_colours_of_channels() -> None:
    off, on, none = np.zeros((3, 2, 1, 1))
    off[0], on[1] = 1, 1
    assert coloured(none).ravel().tolist() == [1, 1, 1]
    assert coloured(off).ravel().tolist() == [0, 0, 1]
    assert coloured(on).ravel().tolist() == [1, 0, 0]
    assert coloured(np.full((3, 1, 1), 0.5)).ravel().tolist() == [0.5] * 3
    assert coloured(np.full((1, 1, 1), -1.0)).ravel().tolist() == [1] * 3
