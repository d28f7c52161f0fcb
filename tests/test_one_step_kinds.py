"""Kinds of one time step in networks and files: what is wrong is named, what is saved comes back, what is counted."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from random_one_step import random_one_step

from lapilli import cli
from lapilli.netx_exports import (
    INPUT,
    Clock,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    FormatError,
    HandOverSynapse,
    IdentitySynapse,
    JoinSynapse,
    Layer,
    Network,
    NetworkError,
    Requantiser,
    UnsupportedError,
    WindowConvSynapse,
    WindowLif,
    inspect,
    load,
    save,
    to_nir,
)
from lapilli.netx_exports.chip.problems import chip_problems
from lapilli.netx_exports.netx.stock import stock_problems
from lapilli.netx_exports.one_step import Cut, Join, Part, one_step_network
from lapilli.simulators import Events, run
from lapilli.simulators.bill import bill_of, load_table
from lapilli.simulators.bill.cores import target_operations
from lapilli.simulators.bill.dense import dense_amounts
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.counting import counts_from_spikes

SIDE, WINDOW = 8, 6
KERNEL = np.arange(1, 10).reshape(1, 1, 3, 3)


def neuron(**changes: Any) -> WindowLif:
    return WindowLif(**({"vth_mant": 64, "unit": 13} | changes))


def small(carry: str = "omega", **changes: Any) -> Network:
    """Dilated windows of a map of 8 x 8, two convolutions, a join, a requantiser."""
    window, whole = (1, WINDOW, WINDOW), (1, SIDE, SIDE)
    over = (HandOverSynapse("first", "potentials", "potentials"), HandOverSynapse("first", "cosines", "cosines"))
    table = np.zeros(256, int) if carry == "table" else None
    parts = [
        Part("first", window, neuron(vth_mant=20), (Cut(INPUT, KERNEL, True, (1, 1)),)),
        Part(
            "second",
            window,
            neuron(carry=carry, table=table, **changes),
            (ConvSynapse("first", 9 * KERNEL, padding=(1, 1), weight_exp=-1), *over),
        ),
        Part("join", whole, CubaLif(0, 4096, 4096), (Join("second", True),)),
        Part("out", whole, Requantiser(300, 8), (ConvSynapse("join", KERNEL, padding=(1, 1)),)),
    ]
    return one_step_network(whole, parts, 4, graded_input=False)


def images(n_samples: int, n_images: int = 2, seed: int = 0) -> Events:
    network = small()
    shape = (n_samples, 1, SIDE, SIDE, 4 * (n_images - 1) + 1 + network.depth)
    dense = np.random.default_rng(seed).random(shape) < 0.5
    return Events.from_dense(dense * ((np.arange(shape[-1]) % 4 == 0) & (np.arange(shape[-1]) < 4 * n_images)))


WRONG_NEURONS: dict[str, dict[str, Any]] = {
    "vth_mant: must be whole numbers in 0…16777215, got -1": {"vth_mant": -1},
    r"vth_mant: shape must be \(\), \(1,\) or \(1, 6, 6\), got \(6,\)": {"vth_mant": np.ones(6, int)},
    "unit: must be whole numbers in 12…17, got 11": {"unit": 11},
    "unit: must be one integer": {"unit": [13, 14]},
    "keep: must be whole numbers in 0…4096, got 4097": {"keep": 4097},
    "windows: must be whole numbers in 1…64, got 0": {"windows": 0},
    "carry: must be one of none, group, layer, sum, table, omega, got 'all'": {"carry": "all"},
    "table: is needed for the carry 'table' and for no other, got carry 'table'": {"carry": "table"},
    "table: is needed for the carry 'table' and for no other, got carry 'sum'": {"carry": "sum", "table": [0] * 256},
    r"table: must have 256 entries, got shape \(3,\)": {"carry": "table", "table": [1, 2, 3]},
    "table: must be whole numbers in -128…127, got 128": {"carry": "table", "table": [128] * 256},
    r"sine: must have 256 entries, got shape \(64,\)": {"sine": [0] * 64},
    "sine: must be whole numbers in -128…127": {"sine": [-129] * 256},
    "index_shift: must be whole numbers in 0…22, got 23": {"index_shift": 23},
    "table_shift: must be whole numbers in 0…15, got 16": {"table_shift": 16},
    "bias_mant: must be whole numbers in -32768…32767": {"bias_mant": 1 << 15},
}


@pytest.mark.parametrize("sentence", WRONG_NEURONS)
def test_wrong_window_neurons_are_named(sentence: str) -> None:
    layer = Layer("a", (1, 6, 6), neuron(**WRONG_NEURONS[sentence]), (IdentitySynapse(INPUT, 1),))
    with pytest.raises(NetworkError, match=f"layer 'a': {sentence}"):
        Network((1, 6, 6), (layer,))


WRONG_REQUANTISERS: dict[str, dict[str, Any]] = {
    "mult: must be whole numbers in 1…32768, got 0": {"mult": 0},
    "shift: must be whole numbers in 0…31, got 32": {"shift": 32},
    "shift: must be one integer": {"shift": [1, 2, 3]},
    "bias_mant: must be whole numbers in -8388607…8388607": {"bias_mant": 1 << 23},
    "low: must not be above high, got 3 and 2": {"low": 3, "high": 2},
    "high: must be whole numbers in -32768…32767": {"high": 1 << 15},
    r"table: must have 256 entries, got shape \(2,\)": {"table": [1, 2]},
    "table: must be whole numbers in -32768…32767": {"table": [1 << 15] * 256},
    "low: a table needs limits within -128…127, got -128…128": {"high": 128, "table": [0] * 256},
}


@pytest.mark.parametrize("sentence", WRONG_REQUANTISERS)
def test_wrong_requantisers_are_named(sentence: str) -> None:
    parameters = {"mult": 1, "shift": 0} | WRONG_REQUANTISERS[sentence]
    with pytest.raises(NetworkError, match=f"layer 'a': {sentence}"):
        Network((3,), (Layer("a", (3,), Requantiser(**parameters), (IdentitySynapse(INPUT, 1),)),))


def window_conv(**changes: Any) -> WindowConvSynapse:
    parameters: dict[str, Any] = {"source": INPUT, "weights": KERNEL, "origin": (2, 0), "window": (6, 6)}
    return WindowConvSynapse(**(parameters | {"padding": (1, 1)} | changes))


WRONG_SYNAPSES = {
    "origin: must be (rows, columns), got 3": window_conv(origin=3),
    "window: must be whole numbers in 1…32768, got 0 at [0]": window_conv(window=(0, 6)),
    "window: (6, 6) at (3, 0) must lie within the source's map of (8, 8)": window_conv(origin=(3, 0)),
    "delay: must be whole numbers in 0…62, got 63": window_conv(delay=63),
    "weight_exp: must be whole numbers in -16…7, got 8": window_conv(weight_exp=8),
    "padding: must be (height, width), got 1": window_conv(padding=1),
    "shape: must be (1, 4, 4) for this convolution, got (1, 6, 6)": window_conv(padding=(0, 0)),
    "weights: 1 x 2 channels in 1 groups do not fit a source of 1 channels": window_conv(
        weights=np.ones((1, 2, 3, 3), int)
    ),
}


@pytest.mark.parametrize("sentence", WRONG_SYNAPSES)
def test_wrong_window_convolutions_are_named(sentence: str) -> None:
    with pytest.raises(NetworkError) as error:
        Network((1, 8, 8), (Layer("a", (1, 6, 6), neuron(), (WRONG_SYNAPSES[sentence],)),))
    assert f"layer 'a': synapse 0 from 'input': {sentence}" in error.value.problems


WRONG_JOINS = {
    "windows: must be one of 1, 2, 4, got 3": JoinSynapse(INPUT, 3),
    "windows: must be whole numbers in 1…4, got 5": JoinSynapse(INPUT, 5),
    "dilated: must be whole numbers in 0…1, got 2": JoinSynapse(INPUT, 4, 2),  # type: ignore[arg-type]
    "phase: must be whole numbers in 0…65536, got -1": JoinSynapse(INPUT, 4, True, -1),
    "weights: must not be 0, since each neuron of the source has one connection": JoinSynapse(
        INPUT, 4, True, weights=0
    ),
    "weights: shape must be () or (8, 8), got (6, 6)": JoinSynapse(INPUT, 4, True, weights=np.ones((6, 6), int)),
    "source: must be (1, 4, 4), a window of (1, 8, 8), got (1, 6, 6)": JoinSynapse(INPUT, 4),
}


@pytest.mark.parametrize("sentence", WRONG_JOINS)
def test_wrong_joins_are_named(sentence: str) -> None:
    with pytest.raises(NetworkError) as error:
        Network((1, 6, 6), (Layer("a", (1, 8, 8), CubaLif(0, 4096, 4096), (WRONG_JOINS[sentence],)),))
    assert f"layer 'a': synapse 0 from 'input': {sentence}" in error.value.problems


def test_maps_that_cannot_be_cut_and_flat_layers_are_refused() -> None:
    with pytest.raises(NetworkError, match="multiples of 4 for dilated windows, got a map of 6 x 8"):
        Network((1, 3, 6), (Layer("a", (1, 6, 8), CubaLif(0, 1, 1), (JoinSynapse(INPUT, 4, True),)),))
    with pytest.raises(NetworkError, match=r"windows of a \(C, H, W\) layer are \(C, H, W\), got \(36,\)"):
        Network((36,), (Layer("a", (1, 8, 8), CubaLif(0, 1, 1), (JoinSynapse(INPUT, 4, True),)),))
    with pytest.raises(NetworkError, match=r"a convolution needs a \(C, H, W\) source, got \(36,\)"):
        Network((36,), (Layer("a", (1, 6, 6), neuron(), (window_conv(),)),))
    with pytest.raises(
        NetworkError, match="'potentials' takes what neurons hand over, got a synapse of the kind identity"
    ):
        Network((4,), (Layer("a", (4,), neuron(), (IdentitySynapse(INPUT, 1, port="potentials"),)),))


def test_what_changes_what_runs_is_in_the_fingerprint() -> None:
    base = small()
    second = base.layers[1]
    changed: list[Network] = [base, small("sum"), small("table"), small(keep=1000), small(sine=np.zeros(256, int))]
    changed += [small(index_shift=9), small(bias_mant=3), small(windows=4, vth_mant=3)]
    for synapse in (replace(base.layers[0].synapses[0], origin=(1, 1)), replace(base.layers[0].synapses[0], delay=5)):  # type: ignore[type-var]
        layers = (replace(base.layers[0], synapses=(synapse, *base.layers[0].synapses[1:])), *base.layers[1:])
        changed.append(replace(base, layers=layers))
    conv = replace(second.synapses[0], weight_exp=-2)  # type: ignore[type-var]
    layers = (base.layers[0], replace(second, synapses=(conv, *second.synapses[1:])), *base.layers[2:])
    changed.append(replace(base, layers=layers))
    for other in ({"phase": 3}, {"weights": 2}, {"weight_exp": 1}):
        join = replace(base.layers[2].synapses[0], **other)  # type: ignore[type-var]
        changed.append(
            replace(base, layers=(*base.layers[:2], replace(base.layers[2], synapses=(join,)), base.layers[3]))
        )
    for requantiser in (
        Requantiser(301, 8),
        Requantiser(300, 8, low=0),
        Requantiser(300, 8, table=np.arange(256) // 2),
    ):
        changed.append(replace(base, layers=(*base.layers[:3], replace(base.layers[3], neuron=requantiser))))
    assert len({network.fingerprint for network in changed}) == len(changed)


def test_a_convolution_without_exponent_has_the_fingerprint_that_it_had() -> None:
    """As lapilli gave it before convolutions had exponents."""
    layer = Layer("a", (1, 6, 6), CubaLif(5, 4096, 4096), (ConvSynapse(INPUT, KERNEL),))
    network = Network((1, 8, 8), (layer,))
    assert network.fingerprint == FORMER_FINGERPRINT


FORMER_FINGERPRINT = "d674357eabecbaab25ece29678ca195825551331ce16081dd8f28b04d156f581"


def test_networks_come_back_from_files(tmp_path: Path) -> None:
    for seed in range(12):
        network = random_one_step(seed).network
        save(network, tmp_path / "network.net")
        again = load(tmp_path / "network.net")
        assert again == network
        assert [layer.clock for layer in again.layers] == [layer.clock for layer in network.layers]
    for carry in ("none", "table", "omega"):
        save(small(carry), tmp_path / "network.net")
        assert load(tmp_path / "network.net") == small(carry)
    table = Network((4,), (Layer("a", (4,), Requantiser(3, 1, table=range(256)), (IdentitySynapse(INPUT, 1),)),))
    save(table, tmp_path / "network.net")
    assert load(tmp_path / "network.net") == table


def test_a_file_without_a_field_has_its_default(tmp_path: Path) -> None:
    network = small(unit=15)
    save(network, tmp_path / "network.net")
    with h5py.File(tmp_path / "network.net", "r+") as file:
        for name in ("index_shift", "table_shift", "sine", "keep", "carry"):
            del file[f"lapilli/layers/1/neuron/{name}"]
        del file["lapilli/layers/3/synapses/0/weight_exp"]
    assert load(tmp_path / "network.net") == small("none", unit=15)


HOSTILE: dict[str, tuple[str, Any]] = {
    "carry": ("layers/1/neuron/carry", b"everything"),
    "unit": ("layers/1/neuron/unit", 99),
    "sine": ("layers/1/neuron/sine", np.zeros((16, 16), int)),
    "table": ("layers/1/neuron/table", np.zeros(256, int)),
    "keep": ("layers/1/neuron/keep", [1, 2]),
    "windows": ("layers/2/synapses/0/windows", 3),
    "dilated": ("layers/2/synapses/0/dilated", 7),
    "phase": ("layers/2/synapses/0/phase", 1 << 40),
    "weights": ("layers/2/synapses/0/weights", np.zeros((8, 8), int)),
    "origin": ("layers/0/synapses/0/origin", [1, 2, 3]),
    "window": ("layers/0/synapses/0/window", [1 << 14, 1 << 14]),
    "delay": ("layers/0/synapses/3/delay", -1),
    "mult": ("layers/3/neuron/mult", 0.5),
    "shift": ("layers/3/neuron/shift", 40),
    "weight_exp": ("layers/3/synapses/0/weight_exp", 100),
    "unknown here": ("layers/3/neuron/secret", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    save(small(), tmp_path / "good.net")
    shutil.copy(tmp_path / "good.net", tmp_path / "bad.net")
    place, value = HOSTILE[name]
    with h5py.File(tmp_path / "bad.net", "r+") as file:
        path = f"lapilli/{place}"
        if path in file:
            del file[path]
        file[path] = value
    with pytest.raises(FormatError, match=name):
        load(tmp_path / "bad.net")


def test_plain_netx_nir_and_the_chip_refuse_by_name() -> None:
    network = small()
    stock = stock_problems(network)
    assert "layer 'first': has neurons of model WINDOW, which NetX does not know" in stock
    assert "layer 'first': has a window_conv synapse, which NetX does not know" in stock
    assert "layer 'join': has a join synapse, which NetX does not know" in stock
    assert "layer 'out': has neurons of model REQUANTISER, which NetX does not know" in stock
    problems = chip_problems(network)
    assert "layer 'first': neurons of model WINDOW are not driven on the chip by this version" in problems
    assert any("synapses of the kind join are not driven on the chip" in problem for problem in problems)
    lif = CubaLif(0, 4096, 4096)
    spiking = (
        Layer("cut", (1, 6, 6), lif, (window_conv(),)),
        Layer("joined", (1, 8, 8), lif, (JoinSynapse("cut", 4, True),)),
    )
    for cut, phrases in (
        (network, ("exactly WINDOW", "exactly REQUANTISER")),
        (Network((1, 8, 8), spiking), ("the kind 'window_conv'", "the kind 'join'")),
    ):
        with pytest.raises(UnsupportedError) as error:
            to_nir(cut)
        assert all(phrase in str(error.value) for phrase in phrases)
    scaled = ConvSynapse(INPUT, 2 * KERNEL, weight_exp=-1)
    plain = Network((1, 8, 8), (Layer("a", (1, 6, 6), CubaLif(5, 4096, 4096), (scaled,)),))
    assert stock_problems(plain) == ("layer 'a': has weight_exp -1 on a convolution, which NetX does not know",)
    assert any("weight_exp: must be 0 for a convolution, got -1" in problem for problem in chip_problems(plain))
    with pytest.raises(UnsupportedError, match="weight_exp: must be 0 for a convolution, got -1"):
        to_nir(plain)


def test_inspect_tells_windows_and_latency(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small()
    save(network, tmp_path / "network.net")
    found = inspect(tmp_path / "network.net")
    assert found.windows is not None
    assert (found.windows.windows, found.windows.period, found.windows.latency) == (4, 4, network.depth + 1)
    assert found.to_json()["windows"]["latency"] == network.depth + 1
    assert found.n_weights_once < found.n_weights
    assert cli.main(["inspect", str(tmp_path / "network.net")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "4 windows of a map follow each other in 2 layers; one image every 4 steps" in printed
    assert f"its answer in step {network.depth + 1} of its sample" in printed


def reached(synapse: Any, source: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Targets that each neuron of the source meets by a weight that is not zero: a walk over all pairs."""
    found = np.zeros(source, int)
    (top, left), (rows, columns) = synapse.origin, synapse.window
    weights = np.asarray(synapse.weights)
    for _, y, x in np.ndindex(shape):
        for ky, kx in np.ndindex(weights.shape[2:]):
            row, column = y - synapse.padding[0] + ky, x - synapse.padding[1] + kx
            if 0 <= row < rows and 0 <= column < columns:
                found[0, top + row, left + column] += int(weights[0, 0, ky, kx] != 0)
    return found


@pytest.mark.parametrize("backend", ["reference", "fast"])
def test_counts_are_those_of_a_walk_over_recorded_spikes(backend: Any) -> None:
    network, events = small(), images(2)
    weights = KERNEL * (KERNEL % 3 != 0)
    first = replace(network.layers[0], synapses=tuple(replace(s, weights=weights) for s in network.layers[0].synapses))  # type: ignore[type-var]
    network = replace(network, layers=(first, *network.layers[1:]))
    n_steps = events.n_steps
    result = run(network, events, backend, n_steps=n_steps, record=("spikes",))
    spikes = {INPUT: events} | {name: recording.spikes for name, recording in result.recordings.items()}
    dense = {name: found.to_dense()[0] != 0 for name, found in spikes.items()}
    operations = dict(zip(result.counts.synapses, result.counts.synapse_ops[0]))
    assert len(operations) == len(result.counts.synapses)
    for number, synapse in enumerate(first.synapses):
        expected = int((dense[INPUT] * reached(synapse, (1, SIDE, SIDE), first.shape)[..., None]).sum())
        assert result.counts.synapse_ops[0, number] == expected > 0
    # An event of a window meets one connection.
    place = list(result.counts.synapses).index(next(name for name in result.counts.synapses if name.layer == "join"))
    assert result.counts.synapse_ops[0, place] == dense["second"].sum() > 0
    # Each layer of windows hands over in the steps from its phase on; products are those of windows behind the first.
    acting = n_steps - network.layers[0].clock.phase
    size = WINDOW * WINDOW
    assert result.counts.named["handed_values"][0].tolist() == [0, 2 * size * acting, 0, 0]
    behind = [step for step in range(n_steps - network.layers[1].clock.phase) if step % 4]
    assert result.counts.named["table_products"][0].tolist() == [0, size * len(behind), 0, 0]
    # Operations by target: of a window convolution exact, of a join in sum.
    for number, layer in enumerate(network.layers):
        assert target_operations(network, result.counts, layer).sum() == result.counts.syn_ops[:, number].sum()
    in_window = np.zeros(first.shape, int)
    for synapse in first.synapses:
        for neuron_of_source, count in enumerate(result.counts.neuron_events[0]):
            y, x = neuron_of_source // SIDE - synapse.origin[0], neuron_of_source % SIDE - synapse.origin[1]  # type: ignore[attr-defined]
            for ky, kx in np.ndindex(3, 3):
                row, column = y + 1 - ky, x + 1 - kx
                inside = 0 <= y < WINDOW and 0 <= x < WINDOW and 0 <= row < WINDOW and 0 <= column < WINDOW
                if inside and weights[0, 0, ky, kx]:
                    in_window[0, row, column] += count
    assert np.array_equal(target_operations(network, result.counts, first), in_window.reshape(-1))
    again = counts_from_spikes(network, spikes, n_steps, result.counts.named)
    assert again == result.counts


def test_amounts_and_the_baseline_of_a_network_of_windows() -> None:
    network, events = small(), images(3, 1)
    counts = run(network, events, n_steps=1 + network.depth).counts
    amounts = spiking_amounts(network, counts)
    total = {kind: sum(one.number for one in amounts if one.kind == kind) for kind in {one.kind for one in amounts}}
    assert total["table_products"] == counts.named["table_products"].sum() > 0
    assert total["handed_values"] == counts.named["handed_values"].sum()
    # Requantisers send values, but nothing reads them; all else are spikes.
    assert total.get("multiply_accumulate", 0) == 0
    # 9 taps at 6 x 6 positions but for the borders, for four windows and two convolutions; join; 3 x 3 on the map.
    inside = (3 * WINDOW - 2) ** 2
    products = sum(one.number for one in dense_amounts(network, 1, 1) if one.kind == "multiply_accumulate")
    assert products == 2 * 4 * inside + 4 * WINDOW * WINDOW + (3 * SIDE - 2) ** 2
    for name in ("horowitz-45nm-int8", "horowitz-45nm-int32", "horowitz-45nm-fp32", "loihi1"):
        (bill,) = bill_of(network, counts, 1, [load_table(name)]).tables
        if name == "loihi1":
            assert bill.spiking is None
            assert "loihi" in name
        else:
            assert bill.spiking is not None
            assert 0 < bill.baselines["dense, one pass a step"].ratio < 100


def test_neurons_say_what_a_step_computes() -> None:
    expected = {"none": (0, 1), "group": (1, 2), "layer": (1, 2), "sum": (1, 3), "table": (0, 3), "omega": (0, 2)}
    for carry, arithmetic in expected.items():
        table = np.zeros(256, int) if carry == "table" else None
        assert neuron(carry=carry, table=table).arithmetic == arithmetic
    assert Requantiser(1, 0).arithmetic == (1, 0)


def test_a_layer_of_windows_may_have_a_plain_clock_and_several_sources() -> None:
    """Kinds stand by themselves: no schedule is needed."""
    layer = Layer(
        "a", (1, 6, 6), neuron(windows=1), (window_conv(), ConvSynapse(INPUT, KERNEL, delays=[2])), Clock(2, 1)
    )
    network = Network((1, 8, 8), (layer, Layer("b", (2,), CubaLif(9, 1, 1), (DenseSynapse("a", np.ones((2, 36))),))))
    events = Events.from_dense(np.random.default_rng(0).random((1, 1, 8, 8, 6)) < 0.4)
    assert run(network, events, "fast").counts == run(network, events, "reference").counts
