"""Kinds: each stands in the table of every wing, answers for itself, and can come from outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from lapilli.netx_exports import (
    INPUT,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    LapilliError,
    Layer,
    Network,
    UnsupportedError,
    inspect,
    load,
    save,
    to_nir,
)
from lapilli.netx_exports import extensions as extensions_module
from lapilli.netx_exports.chip.problems import chip_problems
from lapilli.netx_exports.extensions import extend, extensions
from lapilli.netx_exports.netx.stock import stock_problems
from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import SYNAPSES
from lapilli.simulators import Events, prove, run
from lapilli.simulators.bill import bill_of, load_table
from lapilli.simulators.bill.cost_table import SYNAPSE_KINDS, bundled_tables
from lapilli.simulators.bill.kinds import COUNTERS, KINDS
from lapilli.simulators.fast.neurons.kinds import FAST_NEURONS
from lapilli.simulators.fast.synapses.kinds import FAST_SYNAPSES
from lapilli.simulators.files.event_facts import EVENT_FIELDS
from lapilli.simulators.lava.client import installed
from lapilli.simulators.many import Part, run_parts
from lapilli.simulators.reference.neurons.kinds import POPULATIONS
from lapilli.simulators.reference.synapses.kinds import PATHWAYS

ROOT = Path(__file__).parent.parent

needs_lava = pytest.mark.skipif(not installed("lava.magma"), reason="lava-nc is not installed")


def test_every_kind_stands_in_the_table_of_every_wing() -> None:
    assert NEURONS.keys() == POPULATIONS.keys() == FAST_NEURONS.keys()
    assert SYNAPSES.keys() == PATHWAYS.keys() == FAST_SYNAPSES.keys() == set(SYNAPSE_KINDS)
    assert set(COUNTERS) <= set(KINDS)
    for name in bundled_tables():
        table = load_table(name)
        said = {*table.joules, *table.included, *table.leaves_out, *table.refuses}
        assert set(COUNTERS) <= said, f"{name}: a table that comes with lapilli says a word about every counter"


def test_no_state_has_the_name_of_a_field_of_recordings() -> None:
    states = {state for neuron in NEURONS.values() for state in neuron.states}
    assert not states & {"shape", "offsets", "labels", "samples", *EVENT_FIELDS}


@needs_lava
def test_every_kind_stands_in_lavas_tables() -> None:
    from lapilli.lava_models.neurons.kinds import LAVA_NEURONS
    from lapilli.lava_models.synapses.kinds import LAVA_SYNAPSES

    assert NEURONS.keys() == LAVA_NEURONS.keys()
    assert SYNAPSES.keys() == LAVA_SYNAPSES.keys()
    for model, kind in NEURONS.items():
        assert tuple(LAVA_NEURONS[model].states) == kind.states
        assert tuple(LAVA_NEURONS[model].inputs) == kind.ports
        assert LAVA_NEURONS[model].counters.keys() == kind.counters.keys()
    for name, synapse in SYNAPSES.items():
        assert LAVA_SYNAPSES[name].counters.keys() == synapse.counters.keys()


@pytest.mark.parametrize("part", ["neurons", "synapses"])
def test_a_kind_is_a_file_of_one_name_in_every_wing(part: str) -> None:
    kinds = NEURONS.values() if part == "neurons" else SYNAPSES.values()
    names = {kind.__module__.rpartition(".")[2] for kind in kinds}
    for wing in ("netx_exports", "simulators/reference", "simulators/fast", "lava_models"):
        assert names <= {file.stem for file in (ROOT / wing / part).glob("*.py")}, wing


def test_nothing_outside_of_kind_files_asks_which_kind_it_is() -> None:
    classes = {kind.__name__ for kind in (*NEURONS.values(), *SYNAPSES.values())} | {"Resonator"}
    asking = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for wing in ("netx_exports", "simulators", "lava_models", "training", "lapilli")
        for file in sorted((ROOT / wing).rglob("*.py"))
        if file.parent.name not in ("neurons", "synapses") and not file.is_relative_to(ROOT / "training/stllr")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("isinstance", "type", "issubclass")
        and classes & {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    ]
    assert asking == []


@pytest.fixture(scope="module")
def toys() -> Iterator[None]:
    """The toy kinds, as long as tests of this file need them."""
    extend("toy_kinds")
    assert extensions() == ("toy_kinds",)
    yield
    del NEURONS["TOY_VOTER"], POPULATIONS["TOY_VOTER"], SYNAPSES["toy_repeat"], PATHWAYS["toy_repeat"]
    extensions_module._packages.clear()


def toy_network(seed: int) -> Network:
    """A voter fed at its three ports by dense, toy and its own synapses, between lapilli's own neurons."""
    from toy_kinds import RepeatSynapse, Voter

    rng = np.random.default_rng(seed)

    def dense(source: str, n_out: int, n_in: int, port: str | None = None) -> DenseSynapse:
        return DenseSynapse(source, 2 * rng.integers(-40, 60, (n_out, n_in)), port=port)

    first = Layer("first", (6,), CubaLif(20, 2048, 500), (dense(INPUT, 6, 4),))
    voters = Layer(
        "voters",
        (6,),
        Voter(rng.integers(1, 90, 6), start=int(rng.integers(-20, 20))),
        (
            dense(INPUT, 6, 4),
            RepeatSynapse("first", rng.integers(-3, 64, 6), port="gate"),
            dense("voters", 6, 6, port="veto"),
        ),
    )
    last = Layer("last", (3,), CubaLif(20, 2048, 500), (dense("voters", 3, 6), dense("first", 3, 6)))
    return Network((4,), (first, voters, last))


def toy_events(seed: int) -> Events:
    return Events.from_dense(np.random.default_rng(seed).random((3, 4, 12)) < 0.4)


def test_a_kind_from_outside_does_what_its_author_says(toys: None) -> None:
    """Against a second implementation, neuron by neuron and step by step, in plain Python."""
    network, events = toy_network(1), toy_events(1)
    result = run(network, events, "reference", record=("spikes", "tally"))
    dense_in, repeat, veto = network.layers[1].synapses
    quorum = network.layers[1].neuron.per_neuron("quorum", (6,)).tolist()
    incoming = events.to_dense()
    firsts, voted = (result.recordings[name].spikes.to_dense() for name in ("first", "voters"))
    opened = 0
    for sample, neuron in np.ndindex(3, 6):
        tally = network.layers[1].neuron.rest["tally"]
        for step in range(12):
            vote = gate = against = 0
            if step:
                vote = int(dense_in.effective_weights[neuron] @ incoming[sample, :, step - 1])
                gate = int(repeat.effective_weights[neuron] * firsts[sample, neuron, step - 1])
                against = int(veto.effective_weights[neuron] @ voted[sample, :, step - 1])
            if step > 1:
                gate += int(repeat.effective_weights[neuron] // 2 * firsts[sample, neuron, step - 2])
            if gate > 0 >= against:
                opened, tally = opened + 1, tally + vote
            spikes = tally >= quorum[neuron]
            tally -= quorum[neuron] * int(spikes)
            assert voted[sample, neuron, step] == spikes
            assert result.recordings["voters"].tally[sample, neuron, step] == tally
    assert result.counts.named["open_gates"].sum(axis=0).tolist() == [0, opened, 0]
    assert 0 < opened < 3 * 6 * 12
    assert 0 < voted.sum() < voted.size


@needs_lava
@pytest.mark.parametrize("seed", range(4))
def test_lava_runs_a_kind_from_outside_bit_for_bit(toys: None, seed: int) -> None:
    network, events = toy_network(seed), toy_events(seed)
    record = ("spikes", "voltage", "tally")
    reference, lava = (run(network, events, backend, n_steps=14, record=record) for backend in ("reference", "lava"))
    assert reference.counts == lava.counts
    assert reference.counts.named["open_gates"].sum() > 0
    for name in ("first", "voters", "last"):
        one, two = reference.recordings[name], lava.recordings[name]
        assert np.array_equal(one.spikes.to_dense(), two.spikes.to_dense())
        assert one.states.keys() == two.states.keys()
        assert all(np.array_equal(one.states[state], two.states[state]) for state in one.states)


@needs_lava
def test_a_kind_from_outside_is_proven_in_lava(toys: None) -> None:
    proof = prove(toy_network(0), toy_events(0), ("reference", "lava"))
    assert proof.equal
    assert list(proof.backends) == ["reference", "lava"]


def test_a_kind_from_outside_is_saved_and_loaded(toys: None, tmp_path: Path) -> None:
    network = toy_network(2)
    save(network, tmp_path / "toy.net")
    again = load(tmp_path / "toy.net")
    assert again.fingerprint == network.fingerprint
    assert again != toy_network(3)
    facts = inspect(tmp_path / "toy.net")
    assert facts.form == "extended"
    assert [layer.neuron.model for layer in facts.layers] == ["CUBA", "TOY_VOTER", "CUBA"]
    assert run(again, toy_events(2), "reference").counts == run(network, toy_events(2), "reference").counts


def test_counts_of_parts_and_of_worker_processes_join(toys: None) -> None:
    network, events = toy_network(2), toy_events(2)
    whole = run(network, events, "reference").counts
    for jobs in (1, 2):
        found = run_parts(network, [Part(events.select([number]), {}) for number in range(3)], "reference", jobs=jobs)
        named = [result.counts.named["open_gates"] for _, result in found]
        assert np.array_equal(np.concatenate(named), whole.named["open_gates"])


def test_what_does_not_know_a_kind_from_outside_names_it(toys: None) -> None:
    network = toy_network(2)
    with pytest.raises(UnsupportedError, match=r"fast.*'voters'.*TOY_VOTER.*toy_repeat"):
        run(network, toy_events(2), "fast")
    with pytest.raises(UnsupportedError, match=r"'voters': neuron: NIR has no model that is exactly TOY_VOTER"):
        to_nir(network)
    assert "layer 'voters': has neurons of model TOY_VOTER, which NetX does not know" in stock_problems(network)
    assert "layer 'voters': neurons of model TOY_VOTER are not driven on the chip by this version" in chip_problems(
        network
    )


def test_a_table_prices_what_a_kind_from_outside_counts_or_does_not_bill_it(toys: None, tmp_path: Path) -> None:
    network, events = toy_network(2), toy_events(2)
    counts = run(network, events, "reference").counts
    silent = load_table("horowitz-45nm-int8")
    own = tmp_path / "own.yaml"
    content = yaml.safe_load((ROOT / "simulators/bill/tables/horowitz-45nm-int8.yaml").read_text(encoding="utf-8"))
    content["picojoules"]["open_gates"] = 1000.0
    own.write_text(yaml.safe_dump(content | {"name": "own"}), encoding="utf-8")
    bills = bill_of(network, counts, 12, [silent, load_table(own)]).tables
    assert bills[0].spiking is None
    assert "open_gates: the table says nothing about it" in bills[0].not_billed["spiking"]
    assert bills[1].spiking is not None
    expected = counts.named["open_gates"].sum() / 3 * 1e-9
    assert bills[1].spiking.joules["voters"]["open_gates"] == pytest.approx(expected, rel=1e-12)


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(LapilliError, match="no package 'not_there'"):
        extend("not_there")


def test_a_layer_cannot_feed_itself_in_the_same_step() -> None:
    class Now(DenseSynapse):
        steps = 0

    layer = Layer("a", (2,), CubaLif(1, 1, 1), (DirectSynapse(), Now("a", np.ones((2, 2)))))
    with pytest.raises(LapilliError, match="a layer cannot feed itself in the same step"):
        Network((2,), (layer,), graded_input=True)
