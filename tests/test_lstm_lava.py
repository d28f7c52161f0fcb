"""Lava is the oracle of spiking LSTM: on random networks `reference` equals it in every event, state and count.

A run in Lava takes a second or more, most of it to start its processes: so pipelines are short. What no run reaches
is compared step by step with the Process' model alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from random_lstm import random_lstm
from random_neurons import random_lstm_neuron
from run_equality import assert_same_run

from lapilli.lava_models.neurons.spiking_lstm import PySpikingLstm
from lapilli.netx_exports import INPUT, Clock, CubaLif, DenseSynapse, Layer, Network, SpikingLstm, UnsupportedError
from lapilli.simulators import Events, Reset, run
from lapilli.simulators.reference.neurons.spiking_lstm import SpikingLstms

NETWORKS = 60


def assert_reference_is_lava(network: Network, events: Events, n_steps: int) -> None:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    assert_same_run(
        *(
            run(network, events, backend, n_steps=n_steps, record=record, time_limit_s=200)
            for backend in ("reference", "lava")
        )
    )


def test_reference_equals_lava_in_every_step() -> None:
    """One sample each of small pipelines, without what stands in no pipeline in most of them."""
    compared = 0
    for seed in range(NETWORKS):
        case = random_lstm(seed, most_units=5, most_copies=2, most_cells=1 + (seed % 10 == 0), resets=False)
        assert_reference_is_lava(case.network, case.events.select([0]), case.n_steps)
        compared += 1
    assert compared == NETWORKS


def test_behind_convolutions_and_over_several_samples() -> None:
    drawn = (random_lstm(seed, most_units=4, most_copies=2, resets=False) for seed in range(200))
    case = next(case for case in drawn if len(case.network.input_shape) == 3 and len(case.events) == 2)
    assert_reference_is_lava(case.network, case.events, case.n_steps)


def test_clocks_of_current_based_neurons() -> None:
    rng = np.random.default_rng(0)
    layers = tuple(
        Layer(name, (3,), CubaLif(20, 3000, 500, 10), (DenseSynapse(source, rng.integers(-60, 99, (3, 3))),), clock)
        for name, source, clock in (("a", INPUT, Clock(2, 1)), ("b", "a", Clock(3, 0)), ("c", "b", Clock(1, 4)))
    )
    assert_reference_is_lava(Network((3,), layers), Events.from_dense(rng.random((2, 3, 14)) < 0.5), 14)


def test_what_lava_cannot_do_is_named() -> None:
    network = random_lstm(1, resets=False).network
    events = Events.from_dense(np.zeros((1, *network.input_shape, 3), int))
    with pytest.raises(UnsupportedError, match="Lava resets no neurons of model LSTM"):
        run(network, events, "lava", reset=Reset(2))


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


def lava_cell(neuron: SpikingLstm, population: SpikingLstms) -> Any:
    """The Process' model, without a runtime, in the state of the reference's units."""
    model = PySpikingLstm({"period": 1, "phase": 0})
    for port in ("currents_in", "recurrent_in", "membranes_in", "s_out", "currents_out", "membranes_out"):
        setattr(model, port, Port())
    model.biases = neuron.biases(population.shape[1]).astype(np.int64)
    for name in ("thresholds", "decays", "starts", "clamp"):
        setattr(model, name, np.asarray(getattr(neuron, name), np.int64).reshape(-1))
    model.held = np.stack([population.states[state][0] for state in neuron.states]).astype(np.int32)
    model.time_step = 1
    return model


@pytest.mark.parametrize("seed", range(150))
def test_a_cell_equals_it_from_any_state(seed: int) -> None:
    """Currents beyond 17 bits and membranes at 23, and cells at both."""
    rng = np.random.default_rng(seed)
    units = int(rng.integers(1, 9))
    neuron = random_lstm_neuron(rng, units)
    population = SpikingLstms(neuron, (units,), 1)
    top = 2**23 - 1
    population.states["cell"][:] = rng.choice(
        [-top, top, 2**17, -(2**17) + 1, 0, int(rng.integers(-top, top))], (1, units)
    )
    model = lava_cell(neuron, population)
    for _ in range(12):
        reach = int(rng.choice([300, 2**17, 2**31 - 1]))
        sums = [rng.integers(-reach, reach + 1, (1, 4 * units)).astype(np.int32) for _ in range(2)]
        membranes = np.where(
            rng.random((1, 4 * units)) < 0.5,
            rng.integers(-top, top + 1, (1, 4 * units)),
            rng.choice([-top, 0, 64, top]),
        ).astype(np.int32)
        for port, values in zip((model.currents_in, model.recurrent_in, model.membranes_in), (*sums, membranes)):
            port.values = values[0]
        h = population.step(*sums, membranes)
        model.run_spk()
        assert np.array_equal(model.s_out.values, h[0])
        for row, state in enumerate(neuron.states):
            assert np.array_equal(model.held[row], population.states[state][0]), state
        for carried, port in (("currents", model.currents_out), ("membranes", model.membranes_out)):
            states = np.concatenate([population.states[state][0] for state in neuron.handed[carried]])
            assert np.array_equal(port.values, states)
