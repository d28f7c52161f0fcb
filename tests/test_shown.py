"""Objects that show themselves: short at the prompt, as tables in notebooks; what may be passed to `run`."""

import importlib
import importlib.util
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout, save
from lapilli.simulators import Events, EventsError, events_equal

LIF = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)
LONGEST = 200


def network(n_hidden: int = 1) -> Network:
    rng = np.random.default_rng(0)
    layers = []
    source, size = "input", 5
    for number in range(n_hidden):
        weights = rng.integers(-40, 100, (6, size)) * 2
        weights[0] = 0
        layers.append(Layer(f"hidden{number}", (6,), LIF, (DenseSynapse(source, weights),)))
        source, size = f"hidden{number}", 6
    out = DenseSynapse(source, np.full((3, size), 20))
    layers.append(Layer("<b>out", (3,), LIF, (out,)))
    return Network((5,), tuple(layers), readout=Readout("spike_count"))


def dense(n_samples: int = 4) -> np.ndarray:
    return (np.random.default_rng(1).random((n_samples, 5, 30)) < 0.3).astype(int)


def test_each_object_is_one_short_line() -> None:
    net, events = network(), Events.from_dense(dense(), labels=[0, 1, 2, 0])
    result = lapilli.run(net, events, record={"hidden0": ["spikes", "voltage"]})
    proof = lapilli.prove(net, events, ("reference", "fast"))
    shown = [net, net.layers[0], events, result, result.counts, result.recordings["hidden0"], proof]
    for one in (*shown, network(9), lapilli.decide(net, events)):
        assert len(repr(one)) <= LONGEST
        assert "\n" not in repr(one)
    assert repr(net).startswith("<Network input 5 → hidden0 6 → <b>out 3, decides by spike_count, ")
    assert "hidden0 6 → … 8 layers … → <b>out 3" in repr(network(9))
    assert repr(net.layers[0]) == "<Layer hidden0: 6 CUBA neurons, reads input (dense)>"
    assert repr(events) == f"<Events: 4 samples, input 5, 30 steps, {events.n_events} events, labelled>"
    assert repr(result.recordings["hidden0"]) == "<Recording: spikes, voltage>"
    assert repr(proof) == "<Proof: reference = fast; 4 samples, 32 steps, 0 differences>"


def test_a_summary_has_a_row_for_each_layer() -> None:
    lines = network(2).summary().splitlines()
    assert lines[0] == "input 5"
    assert lines[1].split() == ["layer", "shape", "neurons", "reads", "weights", "non-zero"]
    assert [line.split()[0] for line in lines[2:6]] == ["hidden0", "hidden1", "<b>out", "all"]
    weights = [synapse.effective_weights for layer in network(2).layers for synapse in layer.synapses]
    assert lines[5].split()[-2:] == [str(sum(w.size for w in weights)), str(sum(np.count_nonzero(w) for w in weights))]
    assert lines[6] == "answers after 3 steps"


def test_notebooks_get_tables_and_no_markup_of_strangers() -> None:
    net = network()
    for shown in (net._repr_html_(), lapilli.run(net, dense()).counts._repr_html_()):
        assert shown.count("<tr>") == shown.count("</tr>") >= 3
        assert "<b>out" not in shown
        assert "&lt;b&gt;out" in shown


def test_layers_by_name() -> None:
    net = network()
    assert net.layer("hidden0") is net.layers[0]
    with pytest.raises(LapilliError, match="no layer 'dense1'; layers are hidden0, <b>out"):
        net.layer("dense1")


def test_files_and_arrays_run_as_the_objects_do(tmp_path: Path) -> None:
    net, events = network(), Events.from_dense(dense())
    save(net, tmp_path / "model.net")
    events.save(tmp_path / "events.npz")
    expected = lapilli.run(net, events)
    for one, other in (
        (tmp_path / "model.net", events),
        (str(tmp_path / "model.net"), str(tmp_path / "events.npz")),
        (net, dense()),
        (net, dense().tolist()),
    ):
        found = lapilli.run(one, other)
        assert events_equal(found.spikes, expected.spikes)
        assert found.counts == expected.counts
    assert lapilli.prove(tmp_path / "model.net", dense(), ("reference", "fast")).equal
    assert lapilli.decide(str(tmp_path / "model.net"), dense()).classes.tolist() == (
        lapilli.decide(net, events).classes.tolist()
    )


def test_what_does_not_run_says_what_to_do(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(
        EventsError, match=r"axes \(samples, 5, steps\), got shape \(5, 30\); array\[None\] makes it one"
    ):
        lapilli.run(net, dense()[0])
    with pytest.raises(EventsError, match=r"the network's input is \(5,\), got \(4,\)"):
        lapilli.run(net, dense()[:, :4])
    with pytest.raises(LapilliError, match="events: must be Events, the path of an event file, or an array, got int"):
        lapilli.run(net, 3)
    with pytest.raises(
        LapilliError, match=r"network: must be a Network or the path of its file, got Events; lapilli\."
    ):
        lapilli.run(Events.from_dense(dense()), net)  # type: ignore[arg-type]
    with pytest.raises(LapilliError, match=r"cannot read .*none\.net: No such file or directory"):
        lapilli.run(tmp_path / "none.net", dense())


def test_packages_show_their_public_names_only() -> None:
    folder = importlib.import_module("lapilli.simulators").__path__
    inner = [*pkgutil.iter_modules(folder, "lapilli.simulators.")]
    names = ["lapilli", "lapilli.netx_exports", "lapilli.simulators", *(one.name for one in inner if one.ispkg)]
    packages = [package for package in map(importlib.import_module, names) if hasattr(package, "__all__")]
    assert len(packages) > 5
    late = set() if importlib.util.find_spec("torch") else {"prove_module"}
    for package in packages:
        assert dir(package) == sorted(package.__all__)
        assert [name for name in dir(package) if name not in late and getattr(package, name, None) is None] == []
