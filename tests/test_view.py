"""The page of `lapilli view` without a browser: its data are what ran, it trusts no name, it keeps its limits."""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from profile_files import NEURON, chain, make_files

from lapilli import cli
from lapilli.netx_exports import DenseSynapse, Layer, Network, Readout, save
from lapilli.simulators import Events, run
from lapilli.simulators.decisions.decide import decide
from lapilli.simulators.results import recordable
from lapilli.view import page as page_module
from lapilli.view.packing import packed

STATES = ("current", "voltage")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return make_files(tmp_path_factory.mktemp("view"))


@pytest.fixture
def folder(made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made.folder)
    return made.folder


def unpacked(found: dict[str, Any]) -> Any:
    """As the page does it, in plain Python."""
    planes = zlib.decompress(base64.b64decode(found["data"]))
    width = np.dtype(found["type"]).itemsize
    count = len(planes) // width
    values = [bytes(planes[plane * count + i] for plane in range(width)) for i in range(count)]
    return np.frombuffer(b"".join(values), np.dtype(found["type"]).newbyteorder("<")).reshape(found["shape"])


def written(text: str) -> SimpleNamespace:
    """The data of a page."""
    facts = re.search(r'id="facts-data">(.*?)</script>', text, re.S)
    assert facts is not None
    samples = re.findall(r'id="sample-\d+">(.*?)</script>', text, re.S)
    return SimpleNamespace(facts=json.loads(facts[1]), samples=[json.loads(sample) for sample in samples])


def view(*words: str) -> SimpleNamespace:
    assert cli.main(["view", *words, "--out", "view.html"]) == 0
    return written(Path("view.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[-128, 127], [0, 1]], "int8"),
        ([-129, 5, 0], "int16"),
        ([1 << 15], "int32"),
        ([-(1 << 31), 1 << 31, (1 << 53) - 1], "float64"),
        ([], "int8"),
    ],
)
def test_arrays_come_out_as_they_went_in(values: list[Any], kind: str) -> None:
    array = np.array(values, np.int64)
    found = packed(array)
    assert found["type"] == kind
    np.testing.assert_array_equal(unpacked(found).astype(np.int64), array)


def test_data_of_the_page_are_the_recording(made: SimpleNamespace, folder: Path) -> None:
    found, network = view("deep.net", "--input", "events.npz", "--samples", "3"), made.networks["deep.net"]
    record = {layer.name: recordable(layer) for layer in network.layers}
    result = run(network, made.events.select(slice(3)), n_steps=12 + network.depth, record=record)
    names = ["input", *record]
    assert [layer["name"] for layer in found.facts["layers"]] == names
    assert found.facts["steps"] == 12 + network.depth
    for number, sample in enumerate(found.samples):
        for place, name in enumerate(names):
            events = made.events if name == "input" else result.recordings[name].spikes
            assert_spikes(sample["spikes"][place], events.select([number]), found.facts["steps"])
            for state in STATES if place else ():
                expected = getattr(result.recordings[name], state)[number].reshape(network.layers[place - 1].size, -1)
                np.testing.assert_array_equal(unpacked(sample["states"][place][state]), expected)
        operations = unpacked(sample["operations"])
        np.testing.assert_array_equal(operations.sum(axis=1), result.counts.syn_ops[number])
    assert sum(len(unpacked(sample["spikes"][2]["neurons"])) for sample in found.samples) > 20


def assert_spikes(found: dict[str, Any], events: Events, n_steps: int) -> None:
    begins = unpacked(found["begins"])
    assert len(begins) == n_steps + 1
    np.testing.assert_array_equal(np.repeat(np.arange(n_steps), np.diff(begins)), events.step)
    np.testing.assert_array_equal(unpacked(found["neurons"]), events.neuron)
    if events.value is None:
        assert found["values"] is None
    else:
        np.testing.assert_array_equal(unpacked(found["values"]), events.value)


def test_decisions_form_step_by_step(made: SimpleNamespace, folder: Path) -> None:
    found, network = view("deep.net", "--input", "events.npz", "--samples", "4"), made.networks["deep.net"]
    events = made.events.select(slice(4))
    result = run(network, events, n_steps=12 + network.depth)
    assert [sample["decision"] for sample in found.facts["samples"]] == decide(result, network).tolist()
    assert [sample["label"] for sample in found.facts["samples"]] == events.labels.tolist()
    spikes = result.spikes.to_dense()
    for number, sample in enumerate(found.samples):
        np.testing.assert_array_equal(unpacked(sample["scores"]), np.cumsum(spikes[number], axis=-1))


def test_graded_events_and_networks_that_do_not_decide(made: SimpleNamespace, folder: Path) -> None:
    found = view("graded.net", "--input", "values.npz")
    for number, sample in enumerate(found.samples):
        assert_spikes(sample["spikes"][0], made.values.select([number]), 9)
        assert sample["scores"] is None
    assert "does not say how a class is decided" in found.facts["why_undecided"]
    decided = view("graded.net", "--input", "values.npz", "--readout", "voltage_sum")
    assert decided.facts["readout"] == "voltage_sum"
    assert decided.samples[0]["scores"]["shape"] == [5, 9]


def test_thresholds_are_those_of_each_neuron(folder: Path) -> None:
    mantissas = np.arange(4) + 7
    neuron = type(NEURON)(vth_mant=mantissas, current_decay=1024, voltage_decay=256)
    weights = np.random.default_rng(0).integers(-9, 20, (4, 40)) * 2
    save(Network((40,), (Layer("output", (4,), neuron, (DenseSynapse("input", weights),)),)), "own.net")
    layer = view("own.net", "--input", "flat.npz").facts["layers"][1]
    assert layer["fires_by"] == "voltage"
    np.testing.assert_array_equal(unpacked(layer["thresholds"]), mantissas << 6)


def test_which_samples_and_which_states(made: SimpleNamespace, folder: Path) -> None:
    words = ("deep.net", "--input", "events.npz")
    found = view(*words, "--sample", "67", "--show", "voltage", "--layers", "classes")
    assert [sample["number"] for sample in found.facts["samples"]] == [67, 68, 69]
    assert [list(states) for states in found.samples[0]["states"]] == [[], [], ["voltage"]]
    assert_spikes(found.samples[1]["spikes"][0], made.events.select([68]), found.facts["steps"])
    assert len(view(*words).samples) == 5
    spikes = view(*words, "--show", "spikes", "--samples", "1")
    assert spikes.samples[0]["states"] == [{}, {}, {}]
    assert view(*words, "--samples", "1", "--n-steps", "6").facts["readout"] is None


def test_names_of_strangers_are_no_markup(folder: Path) -> None:
    name = "<!--<script>alert(1)<b>&\"'"
    weights = np.ones((2, 40), np.int64)
    save(Network((40,), (Layer(name, (2,), NEURON, (DenseSynapse("input", weights),)),)), "a<b>&\u202e.net")
    found = view("a<b>&\u202e.net", "--input", "flat.npz", "--samples", "1")
    text = Path("view.html").read_text(encoding="utf-8")
    assert found.facts["layers"][1]["name"] == name
    assert found.facts["network"] == "a<b>&\\u202e.net"
    assert "<title>a&lt;b&gt;&amp;\\u202e.net</title>" in text
    assert "\u202e" not in text
    assert text.count("alert(1)") == 1
    assert "<script>alert" not in text
    assert text.count("<!--") == 0
    assert text.count("<script") == 3


def test_the_page_allows_its_own_script_and_nothing_else(folder: Path) -> None:
    view("deep.net", "--input", "events.npz", "--samples", "1")
    text = Path("view.html").read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert re.findall(r"""\b(?:src|href)=|url\(|https?://|@import|\bimport\b""", text) == []


def test_a_page_has_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["view", "deep.net", "--input", "events.npz", "--out", "large.html"]
    size = len(json.dumps(view("deep.net", "--input", "events.npz", "--samples", "1").samples[0]))
    monkeypatch.setattr(page_module, "LIMIT", 3 * size + size // 2)
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"lapilli: page: 5 samples take more than the limit of .* MiB; --samples [23] fits, .*\n", said)
    monkeypatch.setattr(page_module, "LIMIT", size // 2)
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"lapilli: page: one sample takes more than .*; choose --layers, or --show spikes\n", said)
    assert not Path("large.html").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deep.net"], "no events: give --input"),
        (["none.net", "--input", "events.npz"], "none.net"),
        (["deep.net", "--input", "none.npz"], "none.npz"),
        (["deep.net", "--input", "narrow.npz"], "the network's input is"),
        (["chain.net", "--input", "empty.npz"], "empty.npz holds no samples"),
        (["deep.net", "--input", "events.npz", "--samples", "0"], "--samples: must be at least 1, got 0"),
        (["deep.net", "--input", "events.npz", "--sample", "70"], "events.npz has 70 samples, got 70"),
        (["deep.net", "--input", "events.npz", "--sample", "-1"], "--sample must be at least 0, got -1"),
        (["deep.net", "--input", "events.npz", "--n-steps", "0"], "--n-steps: must be at least 1, got 0"),
        (["deep.net", "--input", "events.npz", "--show", "colour"], "--show: must be one of"),
        (["deep.net", "--input", "events.npz", "--layers", "attic"], "got 'attic'"),
        (["deep.net", "--input", "events.npz", "--out", "events.npz"], "--out must not be the file events.npz"),
        (["deep.net", "--input", "events.npz", "--out", "deep.net"], "--out must not be the file deep.net"),
        (["deep.net", "--input", "events.npz", "--out", "nowhere/a.html"], "cannot write nowhere/a.html"),
    ],
)
def test_wrong_words_are_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".net", ".npz")}
    assert cli.main(["view", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("lapilli: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".net", ".npz")} == before


def test_all_states_of_a_long_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "a_layer_with_one_very_long_name_" * 7
    save(chain(name=long), "long.net")
    assert cli.main(["view", "long.net", "--input", "flat.npz", "--readout", "spike_count"]) == 0
    assert re.fullmatch(r"page: view.html \(\d\.\d MiB, 5 samples\)\n", capsys.readouterr().out)
    found = written(Path("view.html").read_text(encoding="utf-8"))
    assert found.facts["layers"][1]["name"] == long
    assert found.facts["readout"] == Readout("spike_count").kind
