"""One network here and, over its NIR graph, in snnTorch: equal where real numbers allow it, explained where not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from of_kind import of_kind

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `test`)")
torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
pytest.importorskip("snntorch", reason="snntorch is not installed (the extra `test`)")

import nirtorch  # noqa: E402
import snntorch  # noqa: E402
from nir_euler import Euler, real  # noqa: E402
from snntorch.export_nir import export_to_nir  # noqa: E402
from snntorch.import_nir import import_from_nir  # noqa: E402

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, from_nir, to_nir  # noqa: E402
from lapilli.netx_exports.nir.meaning import DT, lags  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402

DOCS = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "nir.md"

Spikes = Any


def here(network: Network, frames: Any) -> Spikes:
    """(steps, outputs) from the step on in which the graph begins; frames are (steps, inputs)."""
    lag = lags(network)[network.output.name]
    done = run(network, Events.from_dense(frames.T[None]), "reference", n_steps=len(frames) + lag)
    return done.spikes.to_dense()[0].T[lag:]


def in_torch(module: Any, frames: Any) -> Spikes:
    """(steps, outputs) of a module made from a graph, fed step by step."""
    state: list[Any] = []
    spikes = []
    with torch.no_grad():
        for frame in frames:
            sent, *state = module(torch.tensor(frame[None], dtype=torch.float32), *state)
            spikes.append(sent.numpy()[0])
    return np.array(spikes).astype(int)


def in_real_numbers(graph: Any, frames: Any, stepper: type[Euler] = Euler) -> Spikes:
    """(steps, outputs) of the graph's equations without any rounding."""
    euler = stepper(graph, DT, real)
    return np.array([euler.step(frame.astype(float)) for frame in frames]).astype(int)


class Subtracting(Euler):
    """A spike takes the threshold off the voltage."""

    def after_spike(self, node: Any, voltage: Any) -> Any:
        return voltage - node.v_threshold


class Exponential(Euler):
    """States decay as the equations do between two steps, not in a straight line."""

    def kept(self, rate: Any) -> Any:
        return np.exp(-rate)


class CurrentOfBefore(Euler):
    """The voltage adds up the current of the step before."""

    def current(self, name: str, node: Any, arriving: Any) -> Any:
        before = self.state.get(f"{name} current", np.zeros(arriving.shape))
        super().current(name, node, arriving)
        return before


def two_layers(seed: int, hidden: CubaLif, output: CubaLif, multiple: int = 2) -> Network:
    """20 inputs -> 30 -> 10, weights multiples of `multiple`."""
    rng = np.random.default_rng(seed)

    def dense(source: str, n_out: int, n_in: int) -> DenseSynapse:
        values = rng.integers(-80 // multiple, 120 // multiple, (n_out, n_in)) * multiple
        return DenseSynapse(source, values, weight_bits=9)

    return Network(
        (20,),
        (
            Layer("hidden", (30,), hidden, (dense("input", 30, 20),)),
            Layer("out", (10,), output, (dense("hidden", 10, 30),)),
        ),
    )


def noise(seed: int, n_steps: int, rate: float = 0.15) -> Any:
    return (np.random.default_rng(seed).random((n_steps, 20)) < rate).astype(int)


@pytest.mark.parametrize("seed", range(5))
def test_equal_spike_for_spike_without_memory(seed: int) -> None:
    """Decays of 4096: nothing is kept, nothing is rounded. NIR's graph is two steps ahead, one for each connection."""
    network = two_layers(seed, CubaLif(64, 4096, 4096), CubaLif(128, 4096, 4096))
    frames = noise(seed, 300)
    assert lags(network)["out"] == 2
    spikes = here(network, frames)
    assert spikes.sum() > 300
    assert np.array_equal(in_torch(import_from_nir(to_nir(network)), frames), spikes)


@pytest.mark.parametrize("seed", range(5))
def test_equal_spike_for_spike_where_halves_are_exact(seed: int) -> None:
    """Decays of a half: of weights that are multiples of 8, nine halvings are whole multiples of 1/4096."""
    network = two_layers(seed, CubaLif(150, 4096, 2048), CubaLif(200, 2048, 4096), multiple=8)
    frames = noise(seed, 9, 0.3)
    spikes = here(network, frames)
    assert spikes.sum() > 5
    assert np.array_equal(in_torch(import_from_nir(to_nir(network)), frames), spikes)


def test_what_rounding_does() -> None:
    """Two spikes 70 steps apart onto a neuron that forgets 1/4096 per step: here at least 1/4096 of its unit goes."""
    synapse = DenseSynapse("input", np.eye(1, 20), weight_bits=9)
    network = Network((20,), (Layer("out", (1,), CubaLif(1, 4096, 1), (synapse,)),))
    frames = np.zeros((80, 20), int)
    frames[[0, 70], 0] = 1
    assert here(network, frames).sum() == 0
    assert np.flatnonzero(in_torch(import_from_nir(to_nir(network)), frames)).tolist() == [70]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hidden", "output"),
    [
        (CubaLif(64, 2048, 1024), CubaLif(200, 1024, 512)),
        (CubaLif(200, 1024, 128), CubaLif(400, 1024, 128)),
        (CubaLif(400, 1024, 40), CubaLif(900, 1024, 40)),
    ],
)
def test_every_difference_is_rounding(hidden: CubaLif, output: CubaLif) -> None:
    """snnTorch is the graph in real numbers, and here it is rounded; how much that is stands in docs/how-to/nir.md."""
    found = np.zeros(3, int)
    for seed in range(5):
        network = two_layers(seed, hidden, output)
        graph, frames = to_nir(network), noise(seed, 300, 0.05)
        spikes, theirs = here(network, frames), in_torch(import_from_nir(graph), frames)
        assert np.array_equal(in_real_numbers(graph, frames), theirs)
        found += [spikes.sum(), theirs.sum(), np.sum(spikes * theirs)]
    one, other = ((np.asarray(n.current_decay), np.asarray(n.voltage_decay)) for n in (hidden, output))
    decays = f"{one[0]}, {one[1]} and {other[0]}, {other[1]}"
    assert_in_docs(decays, *found)


@pytest.mark.parametrize(
    ("choice", "stepper"),
    [
        ("as here: explicit Euler, reset to 0", Euler),
        ("reset by subtraction of the threshold", Subtracting),
        ("decay by exp(−dt / τ)", Exponential),
        ("voltage with the current of the step before", CurrentOfBefore),
    ],
)
def test_what_nir_leaves_open_is_not_small(choice: str, stepper: type[Euler]) -> None:
    """Other ways to step through the same graphs, all in real numbers; the numbers stand in docs/how-to/nir.md."""
    found = np.zeros(2, int)
    for seed in range(5):
        graph = to_nir(two_layers(seed, CubaLif(200, 1024, 128), CubaLif(400, 1024, 128)))
        frames = noise(seed, 300, 0.05)
        spikes, theirs = in_real_numbers(graph, frames), in_real_numbers(graph, frames, stepper)
        found += [theirs.sum(), np.sum(spikes * theirs)]
    assert_in_docs(choice, *found)


def assert_in_docs(*cells: object) -> None:
    row = " | ".join(f"{cell:,}" if isinstance(cell, np.integer) else str(cell) for cell in cells)
    assert f"| {row} |" in DOCS.read_text("utf-8")


def test_a_loop_takes_a_step_in_nirtorch_too() -> None:
    """snnTorch's own reader sends the input through the loop's weights (1.0.0); nirtorch with its neurons does not."""
    base = two_layers(1, CubaLif(300, 4096, 4096), CubaLif(64, 4096, 4096))
    loop = DenseSynapse("hidden", np.random.default_rng(7).integers(-40, 60, (30, 30)) * 2)
    hidden = Layer("hidden", (30,), base.layers[0].neuron, (*base.layers[0].synapses, loop))
    network = Network((20,), (hidden, base.layers[1]))

    def neurons(node: Any) -> Any:
        beta, threshold = torch.tensor(1 - DT / node.tau), torch.tensor(node.v_threshold)
        return snntorch.Leaky(beta, threshold, init_hidden=True, reset_mechanism="zero", reset_delay=False)

    frames = noise(3, 200)
    spikes = here(network, frames)
    assert not np.array_equal(spikes, here(base, frames))
    assert np.array_equal(in_torch(nirtorch.nir_to_torch(to_nir(network), {nir.LIF: neurons}), frames), spikes)


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated:DeprecationWarning")
def test_a_graph_that_snntorch_wrote() -> None:
    def linear(n_out: int, n_in: int, seed: int) -> Any:
        module = torch.nn.Linear(n_in, n_out, bias=False)
        values = np.random.default_rng(seed).integers(-80, 120, (n_out, n_in))
        module.weight.data = torch.tensor(values / 64, dtype=torch.float32)
        return module

    def neurons(n: int, current_decay: int, voltage_decay: int, threshold: float) -> Any:
        return snntorch.Synaptic(
            torch.full((n,), 1 - current_decay / 4096),
            torch.full((n,), 1 - voltage_decay / 4096),
            torch.full((n,), threshold),
            init_hidden=True,
            reset_mechanism="zero",
            reset_delay=False,
        )

    module = torch.nn.Sequential(
        linear(30, 20, 1), neurons(30, 4096, 4096, 1.0), linear(10, 30, 2), neurons(10, 4096, 300, 1.5)
    )
    network = from_nir(export_to_nir(module, torch.zeros(20)))
    assert [layer.name for layer in network.layers] == ["1", "3"]
    neuron = of_kind(CubaLif, network.output.neuron)
    assert (neuron.voltage_decay, neuron.vth_mant) == (300, 96)
    frames = noise(0, 200)
    module.apply(lambda part: part.reset_mem() if isinstance(part, snntorch.Synaptic) else None)
    with torch.no_grad():
        theirs = np.array([module(torch.tensor(frame[None], dtype=torch.float32)).numpy()[0] for frame in frames])
    assert theirs.sum() > 100
    assert np.array_equal(theirs.astype(int), here(network, frames))
