"""Float networks of NIR as integers: exact where numbers allow it, near where not; a report equal to a hand count."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")

from exported_files import export  # noqa: E402
from float_graphs import (  # noqa: E402
    SHARED,
    chain,
    convolution,
    fire,
    flat,
    leaky,
    nmnist_events,
    nmnist_graph,
    pooled,
)

from lapilli.netx_exports import Network, UnsupportedError, load  # noqa: E402
from lapilli.netx_exports.nir.floating.reader import from_float_nir  # noqa: E402
from lapilli.netx_exports.nir.quantising.choices import Choices, Reset  # noqa: E402
from lapilli.netx_exports.nir.quantising.quantise import Quantised, quantise  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402
from lapilli.simulators.float_nir.calibration import calibrated, float_reset  # noqa: E402
from lapilli.simulators.float_nir.run import frames, run_float  # noqa: E402
from lapilli.simulators.float_nir.stepper import FloatStepper  # noqa: E402

RNG = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def same_numbers_for_each_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever tests ran before."""
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(3))


GRID = {"subtract": 198.0, "zero": 100.0}
"""Thresholds at which even weights up to 252 are the integer grid itself."""


def grid(*shape: int) -> Any:
    """Even weights, the largest 252."""
    weights = RNG.integers(-25, 30, shape) * 2.0
    weights.flat[0] = 252
    return weights


def noise(shape: tuple[int, ...], n_samples: int = 4, n_steps: int = 50, rate: float = 0.2) -> Events:
    dense = np.random.default_rng(5).random((n_samples, *shape, n_steps)) < rate
    return Events.from_dense(dense.astype(int), np.arange(n_samples) % 2)


def integers(graph: Any, events: Events, reset: Reset) -> Quantised:
    done = run_float(graph, events, float_reset(reset))
    return quantise(graph, calibrated(graph, events, done, reset))


def float_spikes(graph: Any, events: Events, reset: Reset) -> dict[str, Any]:
    """(samples, neurons, steps) of each layer."""
    stepper = FloatStepper(graph, len(events), float_reset(reset))
    steps = [
        {name: sent.reshape(len(events), -1) for name, sent in stepper.step(frame).items()}
        for frame in frames(events, events.n_steps)
    ]
    return {layer.name: np.stack([step[layer.name] for step in steps], -1) for layer in graph.layers}


def integer_spikes(network: Network, name: str, events: Events, later: int) -> Any:
    """Likewise, from the step on in which the layer begins here."""
    done = run(network, events, "reference", n_steps=events.n_steps + later, record={name: {"spikes"}})
    spikes = done.recordings[name].spikes
    assert spikes is not None
    return spikes.to_dense().reshape(len(events), -1, events.n_steps + later)[..., later:]


def images(reset: str) -> Any:
    """Convolution, pool, convolution, pool, dense, all on the integer grid."""
    threshold = GRID[reset]
    return chain(
        (2, 10, 10),
        convolution(grid(4, 2, 3, 3), (10, 10), stride=1, padding=1),
        fire((4, 10, 10), threshold),
        pooled(),
        convolution(grid(3, 4, 2, 2), (5, 5), padding=0),
        fire((3, 4, 4), threshold),
        pooled(),
        flat(3, 2, 2),
        nir.Linear(grid(6, 12)),
        fire(6, threshold),
    )


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_equal_spike_for_spike_on_the_grid(reset: Reset) -> None:
    """Nothing is rounded: every layer spikes as the float network, one step later for each connection."""
    graph, events = from_float_nir(images(reset)), noise((2, 10, 10))
    quantised = integers(graph, events, reset)
    assert [(layer.scale, layer.threshold) for layer in quantised.layers] == [(GRID[reset], GRID[reset])] * 3
    assert all(not layer.errors.any() for layer in quantised.layers)
    expected = float_spikes(graph, events, reset)
    for later, layer in enumerate(graph.layers, 1):
        found = integer_spikes(quantised.network, layer.name, events, later)
        assert expected[layer.name].sum() > 100
        assert np.array_equal(found, expected[layer.name])
    assert quantised.network.depth == 3


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_a_loop_and_a_delay_on_the_grid(reset: Reset) -> None:
    nodes = {
        "in": nir.Input(np.array([4])),
        "w": nir.Linear(grid(5, 4)),
        "late": nir.Delay(np.full(4, 2e-4)),
        "v": nir.Linear(grid(5, 4)),
        "loop": nir.Linear(-np.abs(grid(5, 5))),
        "n": fire(5, GRID[reset]),
        "out": nir.Output(np.array([5])),
    }
    ways = ["in w", "w n", "in late", "late v", "v n", "n loop", "loop n", "n out"]
    graph = from_float_nir(nir.NIRGraph(nodes, [tuple(way.split()) for way in ways], type_check=False))
    events = noise((4,))
    expected = float_spikes(graph, events, reset)["n"]
    assert expected.sum() > 20
    found = integer_spikes(integers(graph, events, reset).network, "n", events, 1)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_leaky_neurons_with_biases_differ_by_rounding_alone(reset: Reset, n_layers: int) -> None:
    hidden = [nir.Affine(RNG.normal(size=(20, 10)) / 2, RNG.normal(size=20) / 50), leaky(20, 0.05, 1.0)]
    last = [nir.Affine(RNG.normal(size=(8, 20)) / 3, np.full(8, 0.01)), leaky(8, 0.02, 0.8)]
    graph = from_float_nir(chain((10,), *(hidden + last if n_layers == 2 else hidden)))
    events = noise((10,), 10, 200, 0.1)
    expected = float_spikes(graph, events, reset)
    network = integers(graph, events, reset).network
    for later, layer in enumerate(graph.layers, 1):
        found = integer_spikes(network, layer.name, events, later)
        same = np.sum(found * expected[layer.name])
        assert expected[layer.name].sum() > 500
        assert same > 0.75 * expected[layer.name].sum()
        assert abs(found.sum() - expected[layer.name].sum()) < 0.03 * expected[layer.name].sum()


def test_a_current_with_a_bias_and_a_readout_of_voltages() -> None:
    ones = np.ones(12)
    cuba = nir.CubaLIF(
        tau_syn=ones * 5e-4, tau_mem=ones * 2e-3, r=ones * 20, w_in=ones * 5, v_leak=ones * 0.1, v_threshold=ones,
        v_reset=ones * 0,
    )  # fmt: skip
    readout = nir.LI(tau=np.ones(3) * 1e-2, r=np.ones(3) * 100, v_leak=np.zeros(3))
    hidden = nir.Affine(RNG.normal(size=(12, 6)) / 4, RNG.normal(size=12) / 100)
    graph = from_float_nir(chain((6,), hidden, cuba, nir.Linear(RNG.normal(size=(3, 12))), readout))
    events = noise((6,), 20, 150, 0.1)
    done = run_float(graph, events, "zero")
    quantised = integers(graph, events, "zero")
    result = run(quantised.network, events, n_steps=events.n_steps + 2, record={"3": {"voltage"}})
    assert abs(int(result.counts.sent[:, 1].sum()) - done.spikes["1"].sum()) < 0.05 * done.spikes["1"].sum()
    voltage = result.recordings["3"].voltage
    assert voltage is not None
    scale = quantised.layers[1].scale
    assert np.log2(scale) % 1 == 0
    totals = voltage.sum(-1) / 64 / scale
    assert np.corrcoef(totals.reshape(-1), done.totals.reshape(-1))[0, 1] > 0.99
    assert np.mean(totals.argmax(1) == done.totals.argmax(1)) >= 0.9


def test_weights_are_rounded_at_the_scale_of_the_layer() -> None:
    weight = np.array([[1.0, -0.3, 0.01], [0.5, 0.77, -0.9]])
    graph = from_float_nir(chain((3,), nir.Linear(weight), fire(2)))
    quantised = integers(graph, noise((3,)), "zero")
    layer = quantised.layers[0]
    assert (layer.scale, layer.threshold) == (254, 254)
    expected = np.array([[254, -76, 2], [128, 196, -228]])
    assert np.array_equal(np.asarray(quantised.network.layers[0].synapses[0].effective_weights), expected)
    assert np.allclose(layer.errors, np.abs(expected / 254 - weight).reshape(-1))


def test_states_that_reach_far_make_the_scale_smaller() -> None:
    """A voltage that falls to -3000 thresholds must stay within 24 bits, with half as much again to spare."""
    graph = from_float_nir(chain((1,), nir.Linear(-np.ones((1, 1))), fire(1)))
    events = Events.from_dense(np.ones((1, 1, 3000), int))
    assert integers(graph, events, "zero").layers[0].scale == 131071 * 2 // (3 * 3001)


def test_zero_instead_of_subtraction_spikes_as_often() -> None:
    weights = [RNG.normal(0.1, 0.4, (30, 20)), RNG.normal(0.05, 0.4, (10, 30))]
    graph = from_float_nir(chain((20,), nir.Linear(weights[0]), fire(30), nir.Linear(weights[1]), fire(10)))
    events = noise((20,), 8, 100)
    done = run_float(graph, events, "subtract")
    found = {}
    for name, choices in {
        "own": Choices("approximate", done.reach),
        "calibrated": calibrated(graph, events, done, "approximate"),
    }.items():
        network = quantise(graph, choices).network
        counts = run(network, events, n_steps=102).counts.sent[:, 1:].sum(axis=0)
        found[name] = np.abs(counts / [done.spikes["1"].sum(), done.spikes["3"].sum()] - 1)
    assert np.all(found["own"] > 0.1)
    # Thresholds are whole numbers, so that no finer ones are to be had.
    assert np.all(found["calibrated"] < found["own"] / 1.5)


@pytest.mark.parametrize(
    ("node", "reset", "message"),
    [
        (leaky(3, 0.1, 1.0, v_leak=np.zeros(3), v_reset=np.ones(3)), "zero", "LIF: v_reset must be 0"),
        (fire(3, -1.0), "zero", "IF: thresholds must be above 0, got -1"),
        (
            nir.IF(np.ones(3), np.ones(3), np.zeros(3), metadata={"reset": "subtract"}),
            "zero",
            "IF: metadata say that a spike takes the threshold off",
        ),
        (
            nir.CubaLIF(**dict.fromkeys(("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "w_in"), np.ones(3))),
            "subtract",
            "CubaLIF: only neurons without a current of their own",
        ),
        (
            leaky(3, np.array([0.1, 0.2, 0.3]), 1.0),  # type: ignore[arg-type]
            "subtract",
            "LIF: must have one time constant to lose the threshold",
        ),
    ],
)
def test_what_has_no_integer_equivalent(node: Any, reset: Reset, message: str) -> None:
    graph = from_float_nir(chain((3,), nir.Linear(np.eye(3)), node))
    with pytest.raises(UnsupportedError) as found:
        integers(graph, noise((3,)), reset)
    assert f"nodes/1`: {message}" in str(found.value)
    assert str(found.value).count("nodes/1") == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a small float network and events for it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(7, 5)), rng.normal(size=(3, 7))
    nir.write("float.nir", chain((5,), nir.Linear(weights[0]), fire(7), nir.Linear(weights[1]), fire(3)))
    noise((5,), 30, 60, 0.3).save("events.npz")
    noise((5,), 11, 60, 0.2).save("test.npz")
    return tmp_path


QUANTISE = ("float.nir", "--out", "q.net", "--quantize", "--calibrate", "events.npz")


@pytest.mark.parametrize("reset", ["zero", "subtract", "approximate"])
@pytest.mark.parametrize("tested", ["events.npz", "test.npz"])
def test_the_report_is_a_hand_count(
    folder: Path, capsys: pytest.CaptureFixture[str], reset: Reset, tested: str
) -> None:
    status, out, err = export(capsys, *QUANTISE, "--test", tested, "--reset", reset, "--json")
    assert (status, err) == (0, "")
    report, network, events = json.loads(out), load("q.net"), Events.load(tested)
    stored = nir.read("float.nir")
    weights = [np.asarray(stored.nodes[name].weight, float) for name in ("0", "2")]
    spikes, totals, voltages = [0, 0], np.zeros((len(events), 3)), [np.zeros((len(events), n)) for n in (7, 3)]
    for frame in np.moveaxis(events.to_dense(), -1, 0):
        sent: Any = frame
        for number, weight in enumerate(weights):
            voltages[number] += sent @ weight.T
            sent = voltages[number] > 1
            voltages[number] = np.where(sent, 0 if reset == "zero" else voltages[number] - 1, voltages[number])
            spikes[number] += int(sent.sum())
        totals += sent
    done = run(network, events, "reference", n_steps=events.n_steps + 2)
    sent_here = dict(zip(done.counts.layers, done.counts.sent[:, 1:].sum(axis=0)))
    after = done.spikes.to_dense().sum(-1).argmax(1)
    assert [row["float_spikes"] for row in report["layers"]] == spikes
    assert [row["integer_spikes"] for row in report["layers"]] == [sent_here["1"], sent_here["3"]]
    for row, weight in zip(report["layers"], weights):
        kept = np.asarray(network.layer(row["name"]).synapses[0].effective_weights) / row["scale"]
        assert row["largest_error"] == pytest.approx(np.abs(kept - weight).max())
        assert row["mean_error"] == pytest.approx(np.abs(kept - weight).mean())
    assert report["samples"] == len(events)
    assert report["agree"] == np.sum(totals.argmax(1) == after)
    assert report["right_before"] == np.sum(totals.argmax(1) == events.labels)
    assert report["right_after"] == np.sum(after == events.labels)
    assert report["fingerprint"] == network.fingerprint
    assert network.readout is not None
    assert network.readout.kind == "spike_count"


def test_the_report_on_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status, out, err = export(capsys, *QUANTISE, "--reset", "subtract")
    assert (status, err) == (0, "")
    assert "float and integers on events.npz" in out
    assert "decisions that agree: " in out
    assert "of 30 (" in out
    assert f"q.net: 3 layers, fingerprint {load('q.net').fingerprint}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*QUANTISE,), "NIR does not say how a spike resets, so --reset must: zero where"),
        ((*QUANTISE[:4], "--reset", "zero"), "--quantize needs --calibrate EVENTS.npz"),
        ((*QUANTISE[:3], "--reset", "zero", "--json"), "--reset and --json: of --quantize, which is not given"),
        ((*QUANTISE, "--reset", "vote"), "reset"),
        ((*QUANTISE, "--reset", "zero", "--test", "none.npz"), "cannot read none.npz"),
        ((*QUANTISE, "--reset", "zero", "--readout", "voltage_sum"), "with this output decides by spike_count"),
        ((*QUANTISE, "--reset", "zero", "--test", "wide.npz"), "wide.npz: the network's input is (5,), got (6,)"),
        ((*QUANTISE, "--reset", "zero", "--test", "empty.npz"), "empty.npz: must have at least one sample"),
        ((*QUANTISE, "--reset", "zero", "--test", "q.net"), "--out must not be the file q.net that is read"),
        (("events.npz", *QUANTISE[1:], "--reset", "zero"), "--quantize is of the float network of a *.nir file"),
    ],
)
def test_wrong_input_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    noise((6,)).save("wide.npz")
    noise((5,)).select(slice(0)).save("empty.npz")
    # It begins as a network does, or it would not be written over for that alone.
    kept = b"\x89HDF\r\n\x1a\nkept"
    Path("q.net").write_bytes(kept)
    status, out, err = export(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1
    assert message in err
    assert Path("q.net").read_bytes() == kept


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "nir_nmnist_scnn.npz").is_file(), reason="the data are not here")
def test_the_nir_papers_network_for_nmnist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """98 of the 100 test samples are right in float; scales and thresholds come from training samples."""
    monkeypatch.chdir(tmp_path)
    nir.write("float.nir", nmnist_graph())
    nmnist_events(range(0, 1000, 50)).save("events.npz")
    nmnist_events(range(1000, 1100)).save("test.npz")
    status, out, err = export(capsys, *QUANTISE, "--test", "test.npz", "--reset", "subtract", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["right_before"] == 98
    assert report["right_after"] >= 95
    assert report["agree"] >= 95
    done = run("q.net", "test.npz", n_steps=305)
    assert np.sum(done.spikes.to_dense().sum(-1).argmax(1) == Events.load("test.npz").labels) == report["right_after"]
