"""Networks of one time step laid out in time: phases, delays, refusals, images in a row, streams that are saved."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from random_networks import Case
from random_one_step import random_one_step

from lapilli.netx_exports import (
    INPUT,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    HandOverSynapse,
    IdentitySynapse,
    Network,
    Requantiser,
    RotarySynapse,
    UnsupportedError,
    WindowLif,
    Windows,
)
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.one_step import Cut, Join, Part, one_step_network, steps_of_an_image, window_schedule_of
from lapilli.netx_exports.schedules import schedule_of
from lapilli.simulators import Events, run
from lapilli.simulators.stream import Simulator

CHANNELS = 2


def weights(*shape: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(sum(shape)).integers(-60, 100, shape)


def block(groups: int, dilated: bool, side: int = 8) -> list[Part]:
    """A block as it is published: encoder, two convolutions in windows, join, token linear with a skip path."""
    whole, window = (CHANNELS, side, side), (CHANNELS, *Windows(groups, dilated).window_shape(side, side))
    memoryless = CubaLif(0, 4096, 4096)
    kernel, token = weights(CHANNELS, CHANNELS, 3, 3), weights(CHANNELS, CHANNELS, 1, 1)
    over = (HandOverSynapse("first", "potentials", "potentials"), HandOverSynapse("first", "cosines", "cosines"))
    conv = ConvSynapse("first", kernel, padding=(1, 1), weight_exp=-1)
    return [
        Part("x", whole, Requantiser(30, 8), (ConvSynapse(INPUT, weights(CHANNELS, 3, 2, 2), (2, 2)),)),
        Part("encoder", whole, CubaLif(64 * 10, 4096, 4096), (IdentitySynapse("x", 64),)),
        Part("first", window, WindowLif(64, 13, "group", groups), (Cut("encoder", kernel, dilated, (1, 1)),)),
        Part("second", window, WindowLif(64, 13, "omega", groups), (conv, *over)),
        Part("or", whole, memoryless, (Join("second", dilated),)),
        Part("out", whole, Requantiser(500, 8), (ConvSynapse("or", token), IdentitySynapse("x", 64))),
        Part(
            "classes",
            (3,),
            CubaLif(NEVER_SPIKES, 4096, 4096, 7),
            (DenseSynapse("out", weights(3, whole[0] * side**2)),),
        ),
    ]


@pytest.mark.parametrize(("groups", "late"), [(1, 4), (2, 5), (4, 7)])
@pytest.mark.parametrize("dilated", [False, True])
def test_each_layer_acts_when_its_first_complete_input_is_there(groups: int, late: int, dilated: bool) -> None:
    network = one_step_network((3, 16, 16), block(groups, dilated), groups)
    clocks = {layer.name: (layer.clock.period, layer.clock.phase) for layer in network.layers}
    joined = 4 + groups
    assert clocks == {
        "x": (groups, 1),
        "encoder": (groups, 2),
        "first": (1, 3),
        "second": (1, 4),
        "or": (groups, joined),
        "out": (groups, joined + 1),
        "classes": (groups, joined + 2),
    }
    skip = network.layers[5].synapses[1]
    assert skip.delay_range == (late, late)
    assert [one.delay_range[0] for one in network.layers[2].synapses] == list(range(groups))
    assert network.depth == joined + 2
    schedule = window_schedule_of(network)
    assert schedule is not None
    assert (schedule.windows, schedule.period, schedule.latency, schedule.window_layers) == (
        groups,
        groups,
        joined + 3,
        2,
    )
    assert schedule.steps(3) == joined + 3 + 2 * groups
    assert schedule_of(network) is None
    assert set(steps_of_an_image(network).values()) == {1, groups}
    shared = [one.weights for one in network.layers[2].synapses]  # type: ignore[attr-defined]
    assert all(one is shared[0] for one in shared)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_images_in_a_row_are_answered_as_each_by_itself(groups: int) -> None:
    """Every map of every image, in the steps of its layer."""
    network = one_step_network((3, 16, 16), block(groups, True), groups)
    schedule = window_schedule_of(network)
    assert schedule is not None
    images = np.random.default_rng(groups).integers(0, 256, (3, 3, 16, 16))
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    alone = run(network, Events.from_dense(images[..., None]), "reference", n_steps=schedule.steps(1), record=record)
    row = np.zeros((1, 3, 16, 16, schedule.steps(3)), np.int64)
    row[0, ..., : 3 * groups : groups] = np.moveaxis(images, 0, -1)
    together = run(network, Events.from_dense(row), "reference", n_steps=schedule.steps(3), record=record)
    for layer in network.layers:
        steps = layer.clock.phase + np.arange(groups if layer.clock.period < groups else 1)
        for quantity in ("spikes", *layer.neuron.states):
            one, several = (getattr(found.recordings[layer.name], quantity) for found in (alone, together))
            if quantity == "spikes":
                one, several = one.to_dense(), several.to_dense()
            for image in range(3):
                expected = one[image][..., steps[steps < one.shape[-1]]]
                there = several[0][..., image * groups + steps[steps < one.shape[-1]]]
                assert np.array_equal(there, expected), (layer.name, quantity)
    assert np.any(together.recordings["classes"].voltage)


def refused(*parts: Part, groups: int = 4) -> str:
    with pytest.raises(UnsupportedError) as error:
        one_step_network((1, 8, 8), parts, groups)
    return str(error.value)


ONE = np.ones((1, 1, 1, 1), int)
WINDOW = Part("window", (1, 4, 4), WindowLif(64, 14), (Cut(INPUT, ONE),))
PLAIN = CubaLif(0, 4096, 4096)


def test_what_cannot_be_laid_out_is_named() -> None:
    wrong = "network of one time step: layer "
    assert (
        refused(Part("a", (1, 8, 8), PLAIN, (Join("b"),)))
        == f"{wrong}'a': source 'b' must be the input or an earlier layer"
    )
    both = Part("a", (1, 4, 4), PLAIN, (ConvSynapse("window", ONE), IdentitySynapse(INPUT, 1)))
    assert f"{wrong}'a': is fed as a map and as a window" in refused(WINDOW, both)
    other = Part("a", (1, 4, 4), WindowLif(64, 14, windows=2), (Cut(INPUT, ONE),))
    assert refused(other) == f"{wrong}'a': neurons see 2 windows where maps have 4"
    assert "from 'input': a join reads a layer of windows" in refused(Part("a", (1, 8, 8), PLAIN, (Join(INPUT),)))
    delayed = Part("a", (1, 8, 8), PLAIN, (IdentitySynapse(INPUT, 1, delay=3),))
    assert "must come without delays, got a synapse of the kind identity" in refused(delayed)
    turned = Part("a", (64,), PLAIN, (RotarySynapse(INPUT, np.ones((3, 1, 2), int)),))
    assert "must come without delays" in refused(turned)
    twice = Part("a", (1, 2, 2), PLAIN, (Cut("window", ONE),))
    assert "from 'window': windows cannot be cut out of windows" in refused(WINDOW, twice)
    odd = Part("a", (1, 4, 4), PLAIN, (Cut(INPUT, ONE),))
    with pytest.raises(UnsupportedError, match="sides must be multiples of 2 for plain windows, got a map of 7 x 8"):
        one_step_network((1, 7, 8), [odd], 4)
    with pytest.raises(UnsupportedError, match="must be one of 1, 2, 4, got 3"):
        one_step_network((1, 8, 8), [odd], 3)


def test_what_cannot_wait_is_named() -> None:
    late = Part(
        "a",
        (1, 4, 4),
        WindowLif(64, 14),
        (ConvSynapse("second", ONE), HandOverSynapse("window", "potentials", "potentials")),
    )
    second = Part("second", (1, 4, 4), WindowLif(64, 14), (ConvSynapse("window", ONE),))
    assert "layer 'a', from 'window': a synapse of the kind hand_over cannot wait 1 steps" in refused(
        WINDOW, second, late
    )
    chain = [Part(f"p{n}", (1, 8, 8), PLAIN, (IdentitySynapse(f"p{n - 1}" if n else INPUT, 1),)) for n in range(65)]
    skip = Part("end", (1, 8, 8), PLAIN, (IdentitySynapse("p64", 1), IdentitySynapse(INPUT, 1)))
    assert "from 'input': a synapse of the kind identity cannot wait 65 steps" in refused(*chain, skip)


def feed(simulator: Simulator, case: Case, first: int, last: int) -> None:
    events = case.events.select([0]).with_steps(case.n_steps)
    for step in range(first, last):
        now = events.step == step
        simulator.step(events.neuron[now], None if events.value is None else events.value[now])


def test_a_stream_is_saved_between_two_windows_and_goes_on(tmp_path: Path) -> None:
    products = 0
    for seed in range(30):
        case = random_one_step(seed, most_side=8, resets=False)
        record = {layer.name: layer.neuron.states for layer in case.network.layers}
        expected = run(case.network, case.events.select([0]), "reference", n_steps=case.n_steps, record=record)
        first, second = Simulator(case.network), Simulator(case.network)
        middle = case.n_steps // 2
        feed(first, case, 0, middle)
        first.save_state(tmp_path / "state.npz")
        second.restore_state(tmp_path / "state.npz")
        feed(second, case, middle, case.n_steps)
        assert second.counts == expected.counts, seed
        for layer in case.network.layers:
            for state in layer.neuron.states:
                last = getattr(expected.recordings[layer.name], state)[0, ..., -1]
                assert np.array_equal(second.neuron_state(layer.name, state), last), (seed, layer.name, state)
        products += int(second.counts.named.get("table_products", np.zeros(1)).sum())
    assert products > 0


def test_a_state_file_with_anything_in_it_leads_nowhere(tmp_path: Path) -> None:
    """Tables are read within their bounds, and what pads a layer sends nothing, whatever a file says."""
    generator = np.random.default_rng(0)
    for seed in range(8):
        case = random_one_step(seed, most_side=8, resets=False)
        simulator = Simulator(case.network)
        feed(simulator, case, 0, 4)
        simulator.save_state(tmp_path / "state.npz")
        with np.load(tmp_path / "state.npz") as saved:
            arrays: dict[str, Any] = {name: saved[name] for name in saved.files}
        for name in ("neurons", "sums", "lines", "rings", "spares", "outgoing"):
            arrays[name] = generator.integers(-(2**31), 2**31, arrays[name].shape).astype(np.int32)
        np.savez(tmp_path / "hostile.npz", **arrays)
        simulator.restore_state(tmp_path / "hostile.npz")
        feed(simulator, case, 4, case.n_steps)
        for layer in case.network.layers:
            assert np.all(simulator.spikes(layer.name) < layer.size)


def test_a_network_without_windows_has_no_such_schedule() -> None:
    network = Network(
        (4,), one_step_network((1, 2, 2), [Part("a", (1, 2, 2), PLAIN, (IdentitySynapse(INPUT, 1),))], 1).layers
    )
    assert window_schedule_of(network) is None
    assert set(steps_of_an_image(network).values()) == {1}
