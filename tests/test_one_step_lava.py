"""Lava is the oracle of windows: on random blocks `reference` equals it in every event, state and count.

A block in Lava takes a second or more, most of it to start its processes. What no block reaches is compared step by
step with the Processes' models alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from random_neurons import random_requantiser, random_window_lif
from random_one_step import random_one_step
from run_equality import assert_same_run

from lapilli.lava_models.neurons.requantiser import PyRequantiser
from lapilli.lava_models.neurons.window_lif import PyWindowLif
from lapilli.netx_exports import UnsupportedError
from lapilli.netx_exports.neurons.window_lif import CARRIES
from lapilli.simulators import Events, Reset, run
from lapilli.simulators.reference.neurons.requantiser import Requantisers
from lapilli.simulators.reference.neurons.window_lif import WindowLifs

BLOCKS = 12
"""With the seeds from 0 on; `scripts/one_step_in_lava.py` compares any number."""


def test_reference_equals_lava_in_every_step() -> None:
    for seed in range(BLOCKS):
        case = random_one_step(seed, resets=False)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        reference, lava = (
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record, time_limit_s=200)
            for backend in ("reference", "lava")
        )
        assert_same_run(reference, lava)


def test_what_lava_cannot_do_is_named() -> None:
    network = random_one_step(1, resets=False).network
    events = Events.from_dense(np.zeros((1, *network.input_shape, 3), int))
    with pytest.raises(UnsupportedError, match="Lava resets no neurons of model WINDOW"):
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


def lava_model(kind: Any, parameters: dict[str, Any], ports: tuple[str, ...], variables: dict[str, Any]) -> Any:
    """A Process' model without a runtime."""
    model = kind({"period": 1, "phase": 0, **parameters})
    for port in ports:
        setattr(model, port, Port())
    for name, values in variables.items():
        setattr(model, name, np.array(values))
    model.time_step = 1
    return model


def any_sums(rng: np.random.Generator, size: int) -> npt.NDArray[np.int32]:
    reach = int(rng.choice([300, 2**17, 2**31 - 1]))
    return rng.integers(-reach, reach + 1, (1, size)).astype(np.int32)


@pytest.mark.parametrize("seed", range(120))
def test_window_neurons_equal_it_from_any_state(seed: int) -> None:
    """Sums of all 32 bits, and potentials at both ends."""
    rng, size = np.random.default_rng(seed), 9
    neuron = random_window_lif(rng, (size,), carry=CARRIES[seed % len(CARRIES)])
    population = WindowLifs(neuron, (size,), 1)
    top = 2**23 - 1
    population.states["potential"][:] = rng.choice([-top, top, 0, -1, int(rng.integers(-top, top))], (1, size))
    population.states["window"][:] = int(rng.integers(neuron.windows))
    names = ("carry", "windows", "keep", "unit", "index_shift", "table_shift")
    ports = ("a_in", "potentials_in", "cosines_in", "s_out", "potentials_out", "cosines_out")
    variables = {
        "bias": neuron.per_neuron("bias_mant", (size,)).astype(np.int64),
        "threshold": 64 * neuron.per_neuron("vth_mant", (size,)).astype(np.int64),
        "sine": np.asarray(neuron.sine, np.int64),
        "table": np.zeros(256, np.int64) if neuron.table is None else np.asarray(neuron.table, np.int64),
        "products": np.zeros(1, np.int64),
        **{state: values[0].astype(np.int32) for state, values in population.states.items()},
    }
    model = lava_model(PyWindowLif, {name: getattr(neuron, name) for name in names}, ports, variables)
    for _ in range(12):
        sums = any_sums(rng, size)
        potentials = rng.choice([-top, 0, top, int(rng.integers(-top, top))], (1, size)).astype(np.int32)
        cosines = rng.integers(-128, 128, (1, size)).astype(np.int32)
        for port, values in zip((model.a_in, model.potentials_in, model.cosines_in), (sums, potentials, cosines)):
            port.values = values[0]
        spikes = population.step(sums, potentials, cosines)
        model.run_spk()
        assert np.array_equal(model.s_out.values, spikes[0])
        for state in neuron.states:
            assert np.array_equal(getattr(model, state), population.states[state][0]), state
        assert np.array_equal(model.potentials_out.values, population.states["potential"][0])
        assert np.array_equal(model.cosines_out.values, population.states["cosine"][0])
        assert model.products[0] == population.counted["table_products"][0]


@pytest.mark.parametrize("seed", range(60))
def test_requantisers_equal_it_for_any_sum(seed: int) -> None:
    rng, size = np.random.default_rng(seed), 50
    neuron = random_requantiser(rng, (size,))
    population = Requantisers(neuron, (size,), 1)
    within = np.arange(neuron.low, neuron.high + 1)
    variables = {
        "bias": neuron.per_neuron("bias_mant", (size,)).astype(np.int64),
        "mult": neuron.per_neuron("mult", (size,)).astype(np.int64),
        "table": within if neuron.table is None else np.asarray(neuron.table, np.int64)[within + 128],
        "value": np.zeros(size, np.int32),
    }
    model = lava_model(PyRequantiser, {"shift": neuron.shift, "low": neuron.low}, ("a_in", "s_out"), variables)
    for _ in range(6):
        sums = any_sums(rng, size)
        model.a_in.values = sums[0]
        model.run_spk()
        assert np.array_equal(model.s_out.values, population.step(sums)[0])
