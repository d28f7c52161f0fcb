"""SpikeSCR's kinds on `fast`: equal to the reference in runs and streams, and to plain torch at full size."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from random_networks import Case
from random_spikescr import random_spikescr
from run_equality import assert_same_run

from lapilli.netx_exports import INPUT, CubaLif, DenseSynapse, Layer, Network, load, save
from lapilli.netx_exports.neurons.kinds import SpikeAttention, WindowLif
from lapilli.netx_exports.synapses.kinds import HandOverSynapse
from lapilli.simulators import Events, run
from lapilli.simulators.bench.spikescr_network import CHANNELS, STEPS, spikescr_network
from lapilli.simulators.fast.kept import lowered
from lapilli.simulators.stream import Simulator

SEEDS = 150


def spoken(n_samples: int) -> Events:
    """Input for the network of full size: counts, and the line that is on while the sample lasts."""
    generator = np.random.default_rng(1)
    dense = generator.poisson(0.3, (n_samples, CHANNELS + 1, STEPS))
    dense[:, -1] = 1
    return Events.from_dense(dense)


@pytest.mark.parametrize("first", range(0, SEEDS, 25))
def test_fast_equals_reference(first: int) -> None:
    for seed in range(first, first + 25):
        case = random_spikescr(seed)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        runs = [
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset)
            for backend in ("reference", "fast")
        ]
        assert_same_run(*runs)


def test_what_pads_a_hand_over_is_no_key_and_no_query() -> None:
    """The cosine of a silent potential is above 0, also that of the neurons that pad the source to whole vectors."""
    n, generator = 20, np.random.default_rng(4)

    def drive(port: str | None = None) -> DenseSynapse:
        return DenseSynapse(INPUT, 2 * generator.integers(-20, 40, (n, n)), port=port)

    layers = [Layer("w", (n,), WindowLif(60, 14, "omega", 1), (drive(),))]
    for name, port in (("a", "key"), ("b", "query"), ("c", "")):
        handed = [HandOverSynapse("w", "cosines", port=port)] if port else []
        driven = [drive(other) for other in ("query", "key", "value", "write") if other != port]
        layers.append(Layer(name, (n,), SpikeAttention(n, 4, 2048), (*handed, *driven)))
    network = Network((n,), tuple(layers))
    events = Events.from_dense(generator.random((3, n, 12)) < 0.5)
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in layers}
    one, two = (run(network, events, backend, record=record) for backend in ("reference", "fast"))
    assert_same_run(one, two)
    assert one.counts.named["attention_reads"].all(axis=0)[1:].all()


def feed(simulator: Simulator, case: Case, first: int, last: int) -> None:
    events = case.events.select([0]).with_steps(case.n_steps)
    for step in range(first, last):
        now = events.step == step
        simulator.step(events.neuron[now], None if events.value is None else events.value[now])


def test_a_stream_is_saved_with_its_memory_and_goes_on(tmp_path: Path) -> None:
    n_counted = 0
    for seed in range(40):
        case = random_spikescr(seed)
        expected = run(case.network, case.events.select([0]), "reference", n_steps=case.n_steps)
        first, second = Simulator(case.network), Simulator(case.network)
        feed(first, case, 0, case.n_steps // 2)
        first.save_state(tmp_path / "state.npz")
        second.restore_state(tmp_path / "state.npz")
        feed(second, case, case.n_steps // 2, case.n_steps)
        assert second.counts == expected.counts, seed
        n_counted += sum(int(counted.sum()) for counted in second.counts.named.values())
    assert n_counted > 0


def test_a_stream_takes_no_more_room_with_time(tmp_path: Path) -> None:
    network = spikescr_network(0)
    simulator, rooms = Simulator(network), []
    for step in range(150):
        simulator.step([step % CHANNELS, CHANNELS], [1, 1])
        if step in (10, 149):
            simulator.save_state(tmp_path / "state.npz")
            with np.load(tmp_path / "state.npz") as saved:
                rooms.append({name: saved[name].nbytes for name in saved.files})
    assert rooms[0] == rooms[1]
    assert simulator.counts.named["attention_writes"].sum() > 0


def test_full_size_equals_plain_torch() -> None:
    # Imported here: torch is needed for nothing else.
    from lapilli.simulators.bench.peer_torch_spikescr import forward_of
    from lapilli.simulators.bench.spikescr import lags

    network, events = spikescr_network(0), spoken(3)
    found = run(network, events, "fast", n_steps=STEPS + network.depth, record=("spikes", "voltage"))
    sent = forward_of(network, events.to_dense(), whole_numbers=True)()
    for layer, lag in lags(network).items():
        spikes = found.recordings[layer].spikes.to_dense()[..., lag : lag + STEPS]
        assert np.array_equal(spikes.transpose(0, 2, 1), sent[layer].numpy()), layer
    lag = 15
    voltage = found.recordings["head"].voltage[..., lag : lag + STEPS] >> 6
    assert np.array_equal(voltage.transpose(0, 2, 1), sent["head"].numpy())
    outside = np.delete(found.recordings["head"].voltage, np.arange(lag, lag + STEPS), axis=-1)
    assert not outside.any(), "the gate is shut outside of the sample"


def test_weights_of_several_sources_are_stored_once(tmp_path: Path) -> None:
    weights = 2 * np.random.default_rng(0).integers(-50, 50, (40, 40))
    neuron = CubaLif(60, 4096, 2048)
    first, second = (Layer(name, (40,), neuron, (DenseSynapse(INPUT, weights),)) for name in ("a", "b"))
    third = Layer("c", (40,), neuron, (DenseSynapse("a", weights, delays=[[3]]), DenseSynapse("b", weights)))
    network = Network((40,), (first, second, third))
    save(network, tmp_path / "network.net")
    assert load(tmp_path / "network.net") == network
    with h5py.File(tmp_path / "network.net") as file:
        places = {file[f"lapilli/layers/{n}/synapses/{k}/weights"].id for n, k in ((0, 0), (1, 0), (2, 0), (2, 1))}
    assert len(places) == 1
    program = lowered(network).program
    assert len(set(program.ops["weight_at"].tolist())) == 1
    assert len(program.weights8) + len(program.weights16) < 2 * weights.size


def test_many_links_to_one_array_are_read_once(tmp_path: Path) -> None:
    weights = 2 * np.random.default_rng(0).integers(-50, 50, (512, 512))
    layer = Layer("a", (512,), CubaLif(60, 4096, 2048), (DenseSynapse(INPUT, weights),) * 300)
    network = Network((512,), (layer,))
    save(network, tmp_path / "network.net")
    assert (tmp_path / "network.net").stat().st_size < 2_000_000
    assert load(tmp_path / "network.net") == network


def test_few_rows_and_graded_rows_of_any_size() -> None:
    generator = np.random.default_rng(3)
    for largest in (1, 3, 200, 40_000, 1 << 24):
        weights = generator.integers(-256, 256, (70, 20)) * (generator.random((1, 20)) < 0.6)
        few = np.where(np.arange(20) == 7, weights, 0)
        synapses = (
            DenseSynapse(INPUT, weights, weight_bits=9),
            DenseSynapse(INPUT, few, weight_bits=9, delays=[[2]]),
            DenseSynapse(INPUT, few, weight_exp=2, delays=generator.integers(0, 9, (70, 1))),
        )
        network = Network((20,), (Layer("a", (70,), CubaLif(500, 4096, 2048), synapses),), graded_input=True)
        dense = generator.integers(-largest, largest + 1, (2, 20, 30))
        dense[generator.random(dense.shape) < 0.2] = largest
        events, record = Events.from_dense(dense), ("spikes", "voltage")
        assert_same_run(*(run(network, events, backend, record=record) for backend in ("reference", "fast")))
