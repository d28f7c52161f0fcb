"""Lava is the oracle of SpikeSCR's kinds: on random networks `reference` equals it in every spike, state and count.

A run in Lava takes seconds. What no short run reaches, memory and voltage at their limits, is compared step by step
with the Process' model alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from random_networks import Case
from random_neurons import random_attention
from random_spikescr import random_spikescr
from run_equality import assert_same_run

from lapilli.lava_models.neurons.attention import PySpikeAttention
from lapilli.netx_exports import INPUT, CubaLif, Layer, Network, RotarySynapse, SpikeAttention, Sum, TapsSynapse
from lapilli.netx_exports.neurons.kinds import STATE_LIMIT
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.simulators import Events, run
from lapilli.simulators.lava.backend import choose_route, run_on_route
from lapilli.simulators.lava.runs import Route, streaming_arrivals
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.neurons.attention import SpikeAttentions

SEEDS = 24
LIF = CubaLif(20, 4096, 2048)


def assert_reference_is_lava(case: Case) -> None:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
    reference, lava = (
        run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset, time_limit_s=60)
        for backend in ("reference", "lava")
    )
    assert_same_run(reference, lava)
    for name, states in ((layer.name, layer.neuron.states) for layer in case.network.layers):
        assert tuple(lava.recordings[name].states) == tuple(states)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reference_equals_lava_in_every_step(seed: int) -> None:
    assert_reference_is_lava(random_spikescr(seed))


class Port:
    """Stands for a port of a ProcessModel."""

    def __init__(self) -> None:
        self.values: npt.NDArray[Any] = np.zeros(0, np.int32)

    def recv(self) -> npt.NDArray[Any]:
        """What came."""
        return self.values

    def send(self, values: npt.NDArray[Any]) -> None:
        """Keep it."""
        self.values = np.array(values)


def lava_attention(neuron: SpikeAttention, population: SpikeAttentions) -> Any:
    """The Process' model, without a runtime, in the state of the reference's neurons."""
    model = PySpikeAttention({})
    for port in ("query_in", "key_in", "value_in", "write_in", "s_out"):
        setattr(model, port, Port())
    size = population.shape[1:]
    model.vth = neuron.per_neuron("vth_mant", size)
    model.voltage_decay = neuron.per_neuron("voltage_decay", size)
    model.memory_decay = np.array([neuron.memory_decay], np.int32)
    model.voltage = population.states["voltage"][0].copy()
    model.memory = np.stack([population.states[row][0] for row in population.rows])
    model.writes, model.reads = np.zeros(1, np.int64), np.zeros(1, np.int64)
    return model


@pytest.mark.parametrize("seed", range(150))
def test_attention_equals_it_from_any_state(seed: int) -> None:
    """Memories and voltages at their limits, negative ones too."""
    rng = np.random.default_rng(seed)
    head = int(rng.choice([1, 2, 3, 8, 64]))
    size = head * int(rng.integers(1, 4))
    neuron = random_attention(rng, (size,), head)
    population = SpikeAttentions(neuron, (size,), 1)
    largest = STATE_LIMIT - 1
    for state in population.states.values():
        near = rng.choice([-largest, 0, largest - 64, largest - 1, largest], state.shape)
        state[:] = np.where(rng.random(state.shape) < 0.5, near, rng.integers(-largest, largest + 1, state.shape))
    model = lava_attention(neuron, population)
    for _ in range(12):
        density = rng.random()
        arriving = [rng.integers(-3, 4, (1, size)).astype(np.int32) for _ in range(4)]
        arriving = [np.where(rng.random((1, size)) < density, np.abs(values), values) for values in arriving]
        for port, values in zip((model.query_in, model.key_in, model.value_in, model.write_in), arriving):
            port.values = values[0]
        spikes = population.step(*arriving)
        model.run_spk()
        assert np.array_equal(model.s_out.values, spikes[0])
        assert np.array_equal(model.voltage, population.states["voltage"][0])
        for number, row in enumerate(population.rows):
            assert np.array_equal(model.memory[number], population.states[row][0])
        assert model.writes[0] == population.counted["attention_writes"][0]
        assert model.reads[0] == population.counted["attention_reads"][0]


def turned() -> Synapse:
    return RotarySynapse(INPUT, [[[255, 0]], [[0, 255]], [[-256, 0]], [[100, 100]]], start=1)


@pytest.mark.parametrize("kind", ["rotary", "taps", "taps of a layer", "sum"])
def test_samples_that_follow_each_other_are_as_if_alone(kind: str) -> None:
    """Positions count from the first step of a sample; taps may drain between samples only if the input is theirs."""
    first = TapsSynapse(INPUT, [[60, 80], [-40, 120], [90, 255]])
    layers = {
        "rotary": (Layer("a", (2,), LIF, (turned(),)),),
        "taps": (Layer("a", (2,), LIF, (first,)), Layer("b", (2,), LIF, (TapsSynapse("a", [[70, 90]], delay=2),))),
        "taps of a layer": (
            Layer("a", (2,), LIF, (first,)),
            Layer("b", (2,), LIF, (TapsSynapse("a", [[70, 90], [60, 60]]),)),
        ),
        "sum": (Layer("a", (2,), Sum(), (first,)),),
    }[kind]
    network = Network((2,), layers)
    assert (streaming_arrivals(network) is not None) == (kind == "taps")
    events = Events.from_dense(np.random.default_rng(1).random((4, 2, 7)) < 0.6)
    assert run(network, events, "reference").spikes.n_events >= 10
    assert_reference_is_lava(Case(network, events, 7, None))


def test_positions_of_samples_in_one_run_would_be_wrong() -> None:
    """So `by_position` is needed: the second sample would stand behind the table."""
    network = Network((2,), (Layer("a", (2,), LIF, (turned(),)),))
    events = Events.from_dense(np.random.default_rng(1).random((4, 2, 7)) < 0.6)
    plan = RunPlan(7, {"a": frozenset({"spikes"})})
    alone = run(network, events, "reference", record={"a": ("spikes",)})
    assert choose_route(network, 4, plan) == Route("builder", None)
    with pytest.raises(AssertionError, match="output spikes"):
        assert_same_run(alone, run_on_route(network, events, plan, Route("builder", (1,))))


@pytest.mark.parametrize("weight_exp", [-16, -3, 0, 7])
def test_values_that_wrap_at_32_bits_wrap_in_the_same_place(weight_exp: int) -> None:
    """Products of the largest values: nothing is refused, because these Processes are lapilli's own."""
    values = [2**31 - 1, -(2**31), 2**24 + 3, 1 - 2**30, -7, 2**23]
    taps = TapsSynapse(INPUT, np.resize([255, -256, 3, -255], (3, 6)), weight_exp, weight_bits=9)
    rotary = RotarySynapse(INPUT, np.resize([255, -256, -255, 254], (4, 3, 2)), weight_exp=weight_exp)
    network = Network(
        (6,), (Layer("taps", (6,), Sum(), (taps,)), Layer("rotary", (6,), Sum(), (rotary,))), graded_input=True
    )
    dense = np.stack([np.roll(values, step) for step in range(4)], axis=-1)[None]
    assert_reference_is_lava(Case(network, Events.from_dense(dense), 7, None))
