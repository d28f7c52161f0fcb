"""NIR files and graphs that others wrote, damaged or meant: a network where that is exact, else every reason named."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from of_kind import of_kind

from lapilli.netx_exports import ConvSynapse

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `test`)")

from nir_euler import Euler, lava  # noqa: E402
from nir_networks import images, random_nir_network  # noqa: E402
from test_fuzz_netx import mutated  # noqa: E402

from lapilli.netx_exports import (  # noqa: E402
    CubaLif,
    DenseSynapse,
    FormatError,
    IdentitySynapse,
    LapilliError,
    Layer,
    Network,
    UnsupportedError,
    from_nir,
    load_nir,
    save_nir,
)
from lapilli.netx_exports.nir.meaning import DT  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402

Edit = Callable[[h5py.File], Any]

ONES = np.ones(3)


def lif(decay: int = 128, threshold: float = 1.0) -> Any:
    tau = DT * 4096 / decay
    return nir.LIF(tau=ONES * tau, r=ONES * tau / DT, v_leak=ONES * 0, v_threshold=ONES * threshold, v_reset=ONES * 0)


def integrate_and_fire() -> Any:
    return nir.IF(r=ONES / DT, v_threshold=ONES, v_reset=ONES * 0)


def graph(edges: str, **nodes: Any) -> Any:
    """A graph of three inputs `in` and outputs `out`; edges as "in w n out" for a way over these nodes."""
    ends = {"in": nir.Input(np.array([3])), "out": nir.Output(np.array([3]))}
    ways = [way.split() for way in edges.split(", ")]
    pairs = [pair for way in ways for pair in pairwise(way)]
    return nir.NIRGraph({**ends, **nodes}, pairs, type_check=False)


def weight(factor: float = 1.0) -> Any:
    return nir.Linear(np.eye(3) * factor)


def one_layer(neuron: CubaLif, synapse: Any = None) -> Network:
    return Network((3,), (Layer("n", (3,), neuron, (synapse or DenseSynapse("input", np.eye(3) * 64),)),))


READ: list[tuple[Any, Network]] = [
    (graph("in w n out", w=weight(), n=lif()), one_layer(CubaLif(64, 4096, 128))),
    (graph("in w n out", w=weight(), n=integrate_and_fire()), one_layer(CubaLif(64, 4096, 0))),
    (
        graph("in w n out", w=nir.Affine(np.eye(3), np.zeros(3)), n=lif()),
        one_layer(CubaLif(64, 4096, 128)),
    ),
    (
        graph("in w n out", w=nir.Scale(ONES * 0.25), n=lif(7)),
        one_layer(CubaLif(64, 4096, 7), IdentitySynapse("input", 16)),
    ),
    (
        graph(
            "in early w late n out", early=nir.Delay(ONES * DT), w=weight(), late=nir.Delay(np.arange(3) * DT), n=lif()
        ),
        one_layer(CubaLif(64, 4096, 128), DenseSynapse("input", np.eye(3) * 64, delays=[[1], [2], [3]])),
    ),
    (
        graph(
            "in early w late n out",
            early=nir.Delay(np.arange(3) * DT),
            w=weight(),
            late=nir.Delay(np.arange(3) * DT),
            n=lif(),
        ),
        one_layer(
            CubaLif(64, 4096, 128), DenseSynapse("input", np.eye(3) * 64, delays=np.add.outer(range(3), range(3)))
        ),
    ),
    (
        graph("in w n out", w=weight(8), n=lif()),
        one_layer(CubaLif(64, 4096, 128), DenseSynapse("input", np.eye(3) * 128, weight_exp=2)),
    ),
]


@pytest.mark.parametrize(("foreign", "network"), READ)
def test_what_others_write_exactly(foreign: Any, network: Network) -> None:
    assert from_nir(foreign) == network


def test_a_skip_that_takes_no_time_is_delayed() -> None:
    """Over `a` there is one connection more, and in the graph no more time: here the direct way waits a step."""
    skip = graph("in w a v b out, in s b", w=weight(1.5), a=lif(), v=weight(), b=lif(), s=weight(0.5))
    network = from_nir(skip)
    assert [synapse.source for synapse in network.layers[1].synapses] == ["a", "input"]
    assert [of_kind(DenseSynapse, synapse).delays is None for synapse in network.layers[1].synapses] == [True, False]
    assert np.all(np.asarray(of_kind(DenseSynapse, network.layers[1].synapses[1]).delays) == 1)
    frames = (np.random.default_rng(0).random((3, 50)) < 0.3).astype(int)
    euler = Euler(skip, DT, lava)
    theirs = np.stack([euler.step(frame.astype(float)) for frame in frames.T], axis=-1)
    ours = run(network, Events.from_dense(frames[None]), "reference", n_steps=50 + network.depth).spikes.to_dense()[0]
    assert theirs.sum() > 20
    assert np.array_equal(ours[:, network.depth :], theirs)


def test_a_loop_takes_a_step() -> None:
    (layer,) = from_nir(graph("in w n out, n loop n", w=weight(), n=lif(), loop=weight(-0.5))).layers
    assert layer.synapses[1].source == "n"
    assert of_kind(DenseSynapse, layer.synapses[1]).delays is None


def test_single_precision_scalars_and_no_reset() -> None:
    tau = np.float32(DT) * np.float32(4096) / np.float32(300)
    neuron = lif()
    neuron.tau, neuron.r = np.array(tau), np.array(tau / np.float32(DT))
    neuron.v_threshold, neuron.v_leak, neuron.v_reset = np.array([1.5], np.float32), np.zeros((), np.float32), None
    assert from_nir(graph("in w n out", w=weight(), n=neuron)) == one_layer(CubaLif(96, 4096, 300))


def test_shared_nodes_feed_every_reader() -> None:
    flatten = nir.Flatten({"input": np.array([3, 1, 1])}, start_dim=0, end_dim=-1)
    shared = graph("in f w a v b out, f u b", f=flatten, w=weight(), a=lif(), v=weight(), b=lif(), u=weight())
    shared.nodes["in"] = nir.Input(np.array([3, 1, 1]))
    network = from_nir(shared)
    assert network.input_shape == (3, 1, 1)
    assert [synapse.source for synapse in network.layers[1].synapses] == ["a", "input"]


def test_grouped_and_oblong_convolutions_of_others() -> None:
    conv = nir.Conv2d(None, np.ones((2, 1, 3, 1)), 1, "valid", 1, 2, np.zeros(2))
    neuron = nir.IF(r=np.array(1 / DT), v_threshold=np.array(1.0), v_reset=np.array(0.0))
    foreign = graph("in w n out", w=conv, n=neuron)
    foreign.nodes["in"], foreign.nodes["out"] = nir.Input(np.array([2, 4, 4])), nir.Output(np.array([2, 2, 4]))
    (layer,) = from_nir(foreign).layers
    assert layer.shape == (2, 2, 4)
    assert of_kind(ConvSynapse, layer.synapses[0]).groups == 2


LEAKY = nir.LI(tau=ONES * DT, r=ONES, v_leak=ONES * 0)

FOREIGN: list[tuple[Any, str]] = [
    (
        graph("in n out", n=nir.IF(ONES, ONES, ONES)),
        "`nodes/n`: must be fed by 'in', an Input, over one node with weights, got none",
    ),
    (
        graph("in w n out", w=nir.Scale(np.ones(4)), n=lif()),
        "`nodes/w/scale`: must have shape () or (1,) or (3,), got (4,)",
    ),
    (
        graph("in d w n out", w=weight(), n=lif(), d=nir.Delay(np.ones(4))),
        "`nodes/d/delay`: must have shape () or (1,) or (3,), got (4,)",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * DT, ONES, np.array([1 / 64, 1 / 4096, 8.0]), ONES, ONES * 0)),
        "`nodes/n/v_leak`: must say biases of 16 bits times one power of 2 up to 2**7",
    ),
    (
        graph(
            "in v m out, n w n, n x m", w=weight(), n=nir.LIF(*(np.array(1.0),) * 5), v=weight(), m=lif(), x=weight()
        ),
        "`nodes/n`: must say how many neurons it is: one `r` for each",
    ),
    (
        graph("in w n v m out", w=nir.Scale(np.ones((2, 1, 1))), n=lif(), v=weight(), m=lif()),
        "`nodes/w/scale`: must have shape () or (1,) or (3,), got (2, 1, 1)",
    ),
    (
        graph("in w n out", w=nir.Linear(np.eye(3) * 0.3), n=lif()),
        "`nodes/w/weight`: must be a multiple of 1/64 in -512…510, got 0.3 at [0, 0]",
    ),
    (
        graph("in w n out", w=nir.Linear(np.array([[400.0, 1 / 64, 0]] * 3)), n=lif()),
        "`nodes/w/weight`: must be -256…255 times one power of 2 up to 2**7, in units of 1/64",
    ),
    (
        graph("in w n out", w=nir.Linear(np.eye(3) * np.nan), n=lif()),
        "`nodes/w/weight`: must be finite, got nan at [0, 0]",
    ),
    (
        graph("in w n out", w=nir.Linear(np.ones((3, 4))), n=lif()),
        "`nodes/w/weight`: must have shape (3, 3), got (3, 4)",
    ),
    (
        graph("in w n out", w=nir.Affine(np.eye(3), ONES), n=lif()),
        "`nodes/w/bias`: must be 0, for a connection has no bias here, got 1.0 at [0]",
    ),
    (graph("in w n out", w=nir.Scale(np.arange(3) / 4), n=lif()), "`nodes/w/scale`: must be the same for all neurons"),
    (
        graph("in w n out", w=weight(), n=lif(threshold=0.3)),
        "`nodes/n/v_threshold`: must be a multiple of 1/64 in 0…2047.98, got 0.3 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=lif(threshold=2048)),
        "`nodes/n/v_threshold`: must be a multiple of 1/64 in 0…2047.98, got 2048.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=lif(threshold=-1)),
        "`nodes/n/v_threshold`: must be a multiple of 1/64 in 0…2047.98, got -1.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * 0.01, ONES * 100, ONES * 0, ONES, ONES * 0)),
        "`nodes/n/tau`: must be dt * 4096 / n with a whole n in 1…4096 and dt = 0.0001 s, got 0.01 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * np.inf, ONES, ONES * 0, ONES, ONES * 0)),
        "`nodes/n/tau`: must be finite, got inf at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(-ONES, ONES, ONES * 0, ONES, ONES * 0)),
        "`nodes/n/tau`: must be dt * 4096 / n with a whole n in 1…4096 and dt = 0.0001 s, got -1.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * DT, ONES * 2, ONES * 0, ONES, ONES * 0)),
        "`nodes/n/r`: must be the time constant / dt = 1, got 2.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * DT, ONES, ONES * 0.3, ONES, ONES * 0)),
        "`nodes/n/v_leak`: must be a multiple of 1/4096, got 0.3 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * DT, ONES, ONES * 0, ONES, ONES)),
        "`nodes/n/v_reset`: must be 0, to which the voltage returns here, got 1.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.IF(ONES, ONES, ONES * 0)),
        "`nodes/n/r`: must be 1 / dt = 10000, got 1.0 at [0]",
    ),
    (
        graph("in w n out", w=weight(), n=nir.IF(np.ones(4), np.ones(4), np.ones(4))),
        "`nodes/n/r`: must have shape () or (1,) or (3,), got (4,)",
    ),
    (
        graph("in w n out", w=nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])), n=lif()),
        "`nodes/w`: must be of a type in Affine, Conv2d, CubaLI, CubaLIF, Delay, Flatten, I, IF, Input, LI, LIF, "
        "Linear, Output, Scale, got 'SumPool2d'",
    ),
    (
        graph("in w n out", w=graph("in w out", w=weight()), n=lif()),
        "`nodes/w`: a graph inside the graph has no meaning here",
    ),
    (
        graph("in w n out, in v m", w=weight(), n=lif(), v=weight(), m=lif()),
        "`nodes/m`: feeds nothing",
    ),
    (graph("in w n out, in v", w=weight(), n=lif(), v=weight()), "`nodes/v`: leads nowhere"),
    (
        graph("in w v n out", w=weight(), v=weight(), n=lif()),
        "`nodes/n`: must be fed by 'in', an Input, over one node with weights, got 'w', a Linear and 'v', a Linear",
    ),
    (graph("in n out", n=lif()), "`nodes/n`: must be fed by 'in', an Input, over one node with weights, got none"),
    (
        graph("in w n m out", w=weight(), n=lif(), m=lif()),
        "`nodes/m`: must be fed by 'n', an LIF, over one node with weights, got none",
    ),
    (
        graph("in w n v m out, in v", w=weight(), n=lif(), v=weight(), m=lif()),
        "`nodes/v`: must be fed by one node, got 'n', an LIF and 'in', an Input",
    ),
    (
        graph("in w n out, v u v, u m", w=weight(), n=lif(), v=weight(), u=weight(), m=lif()),
        "`nodes/u`: must be fed by one node, got itself",
    ),
    (
        graph("in w n v out", w=weight(), n=lif(), v=weight()),
        "`nodes/out`: must be fed by the neurons of one layer, got 'v', a Linear",
    ),
    (graph("in w n", w=weight(), n=lif()), "`nodes/out`: must be fed by the neurons of one layer, got nothing"),
    (
        graph("in w n out, n v m, m u m", w=weight(), n=lif(), v=weight(), m=lif(), u=weight()),
        "`nodes/out`: must be fed by the last layer, but 'n', an LIF, feeds others",
    ),
    (
        graph("in w n out, out v n", w=weight(), n=lif(), v=weight()),
        "`nodes/n`: must be fed by spikes or the input, got 'out', an Output",
    ),
    (graph("in w n out in", w=weight(), n=lif()), "`nodes/in`: must be fed by nothing, got 'out', an Output"),
    (
        graph("in w n out n", w=weight(), n=lif()),
        "`nodes/n`: must be fed by 'out', an Output, over one node with weights, got none",
    ),
    (graph("n w n out", w=weight(), n=lif()), "`nodes/in`: feeds nothing"),
    (graph("in w n out, m v n", w=weight(), n=lif(), v=weight(), m=lif()), "`nodes/m`: is fed by nothing"),
    (
        graph("in w a v b out, b u a", w=weight(), a=lif(), v=weight(), b=lif(), u=weight()),
        "`nodes/out`: must be fed by the last layer, but 'b', an LIF, feeds others",
    ),
    (
        graph("in w a v b x c out, b u a", w=weight(), a=lif(), v=weight(), b=lif(), u=weight(), x=weight(), c=lif()),
        "`edges`: layers must feed each other in one direction, got a circle among 'a', 'b', 'c'",
    ),
    (
        graph("in w a v b out", w=weight(), a=LEAKY, v=weight(), b=lif()),
        "`nodes/a`: sends its voltage, not spikes, on to others",
    ),
    (
        graph("in w a out, a v a", w=weight(), a=LEAKY, v=weight()),
        "`nodes/a`: sends its voltage, not spikes, on to others",
    ),
    (
        graph("in w n out, in2 v n", w=weight(), n=lif(), in2=nir.Input(np.array([3])), v=weight()),
        "`nodes`: must have one node of type Input, got 2",
    ),
    (graph("in w input out", w=weight(), input=lif()), "`nodes/input`: must be of type Input, whose name this is here"),
    (
        graph("in d w n out", w=weight(), n=lif(), d=nir.Delay(ONES * 0.00025)),
        "`nodes/d/delay`: must be 0…1024 steps of dt = 0.0001 s, got 0.00025 at [0]",
    ),
    (
        graph("in d w n out", w=weight(), n=lif(), d=nir.Delay(ONES * 63 * DT)),
        "`nodes/w`: delays around it must take 0…62 steps, got 63",
    ),
    (
        graph("in w d n out", w=nir.Scale(ONES), n=lif(), d=nir.Delay(np.arange(3) * DT)),
        "`nodes/w`: delays around it must be one for all neurons",
    ),
    (
        graph("in w n out", w=weight(), n=nir.LIF(ONES * DT, ONES, ONES / 4096, ONES, ONES * 0)),
        "`nodes/w`: delays around it must take 1…63 steps, got 0",
    ),
    (
        graph("in w i n out", w=weight(), i=nir.LI(ONES * DT, ONES, ONES), n=lif()),
        "`nodes/i/v_leak`: must be 0, to which a current decays here, got 1.0 at [0]",
    ),
    (
        graph(
            "in f w n out",
            f=nir.Flatten({"input": np.array([3])}, 0, 0),
            w=nir.Conv2d(None, np.ones((1, 1, 1, 1)), 1, 0, 1, 1, np.zeros(1)),
            n=lif(),
        ),
        "`nodes/w`: reads neurons of shape (3,), not (C, H, W)",
    ),
]


@pytest.mark.parametrize(("foreign", "problem"), FOREIGN, ids=range(len(FOREIGN)))
def test_what_has_no_exact_meaning_is_refused(foreign: Any, problem: str) -> None:
    with pytest.raises((UnsupportedError, FormatError)) as raised:
        from_nir(foreign)
    assert problem in raised.value.problems


@pytest.mark.parametrize("name", ["tau", "r", "v_leak", "v_threshold"])
@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 1e30])
def test_numbers_at_the_ends_of_floats(name: str, value: float) -> None:
    neuron = lif()
    setattr(neuron, name, ONES * value)
    with pytest.raises(UnsupportedError, match=f"`nodes/n/{name}`: must be"):
        from_nir(graph("in w n out", w=weight(), n=neuron))


def test_ways_of_sane_length() -> None:
    nodes = {f"d{number}": nir.Delay(ONES * 0) for number in range(20)}
    with pytest.raises(UnsupportedError, match="`nodes/n`: must be fed over at most 16 nodes, got more behind 'w'"):
        from_nir(graph(f"in {' '.join(nodes)} w n out", w=weight(), n=lif(), **nodes))


def test_layers_in_any_order() -> None:
    """Edges from the last layer to the first, and layers whose order does not matter in that of the edges."""
    nodes = {name: lif() for name in "zyx"}
    ways = graph("in u z v x out, in w y t x", u=weight(), v=weight(), w=weight(), t=weight(), **nodes)
    assert [layer.name for layer in from_nir(ways).layers] == ["z", "y", "x"]
    ways.edges.reverse()
    assert [layer.name for layer in from_nir(ways).layers] == ["y", "z", "x"]


def test_images_need_a_flatten() -> None:
    foreign = graph("in w n out", w=weight(), n=lif())
    foreign.nodes["in"] = nir.Input(np.array([3, 1, 1]))
    with pytest.raises(UnsupportedError, match=r"`nodes/w`: reads neurons of shape \(3, 1, 1\) without a Flatten"):
        from_nir(foreign)


def test_metadata_of_others_means_nothing() -> None:
    strange = graph("in w n out", w=weight(), n=lif())
    strange.metadata = {"ragged": [[1], [1, 2]], "names": ["ü", "b"], "inner": {"a": None}}
    assert from_nir(strange) == one_layer(CubaLif(64, 4096, 128))


def test_each_node_is_listed() -> None:
    wrong = nir.CubaLIF(ONES * 0.001, ONES * 0.002, ONES, ONES * 0.1, ONES * 0.123, ONES, ONES)
    with pytest.raises(UnsupportedError) as raised:
        from_nir(graph("in w n v m out", w=weight(0.3), n=wrong, v=weight(), m=lif(threshold=0.7)))
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "`nodes/w/weight`",
        "`nodes/n/tau_syn`",
        "`nodes/n/tau_mem`",
        "`nodes/n/v_threshold`",
        "`nodes/n/v_reset`",
        "`nodes/m/v_threshold`",
    ]


def test_something_else_is_refused() -> None:
    with pytest.raises(LapilliError, match=r"graph: must be a nir.NIRGraph \(nir 1.0.4 or newer\), got dict"):
        from_nir({})


# Files.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "network.nir"
    save_nir(images(), path)
    return path


def put(path: str, value: Any, **options: Any) -> Edit:
    def edit(file: h5py.File) -> None:
        if path in file:
            del file[path]
        file.create_dataset(path, data=value, **options)

    return edit


def drop(path: str) -> Edit:
    return lambda file: file.__delitem__(path)


EDGE = [("conv", "dense")]

DAMAGED: list[tuple[Edit, str]] = [
    (drop("node"), "`node`: missing"),
    (drop("node/edges"), "`node/edges`: missing"),
    (drop("node/nodes"), "`node/nodes`: missing"),
    (drop("node/nodes/conv/type"), "`node/nodes/conv/type`: missing"),
    (drop("node/nodes/conv/tau_syn"), "`node/nodes/conv/tau_syn`: missing"),
    (put("node/type", "Linear"), "`node/type`: must be NIRGraph"),
    (put("node/edges", np.zeros((3, 2))), "`node/edges`: must be pairs of names"),
    (put("node/edges", [("a", "b", "c")]), "`node/edges`: must be pairs of names"),
    (put("node/edges", [("conv", "x")]), "`node/edges`: 'conv' to 'x': no node 'x'"),
    (put("node/edges", EDGE * 2), "`node/edges`: 'conv' to 'dense': is there more than once"),
    (put("node/edges", [(b"\xff", b"conv")], dtype="S9"), "`node/edges`: '\\\\xff' to 'conv': no node '\\\\xff'"),
    (put("node/edges", [("conv", "x" * 2000)]), "`node/edges`: must be a string of at most 1024 bytes"),
    (put("node/nodes/conv/type", np.zeros(3)), "`node/nodes/conv/type`: must be one string, got float64 of shape (3,)"),
    (put("node/nodes/conv/tau_syn", "slow"), "`node/nodes/conv/tau_syn`: must be numbers"),
    (put("node/nodes/conv/tau_syn", 1j), "`node/nodes/conv/tau_syn`: must be numbers, got complex128"),
    (put("node/nodes/conv/refractory", 1.0), "`node/nodes/conv/refractory`: unknown here, and might change what runs"),
    (put("node/nodes/stray", 1.0), "`node/nodes/stray`: must be a group, got float64 of shape ()"),
    (
        put("node/nodes/input/shape", [2, 4]),
        "`node/nodes/input/shape`: must be (N,) or (C, H, W) of at most 16777216 neurons, got (2, 4)",
    ),
    (
        put("node/nodes/input/shape", [1 << 20, 1 << 10, 1 << 10]),
        "`node/nodes/input/shape`: must be (N,) or (C, H, W) of at most 16777216 neurons, got (1048576, 1024, 1024)",
    ),
    (
        put("node/nodes/input/shape", [2, 0, 4]),
        "`node/nodes/input/shape`: must be whole numbers in 1…2147483648, got 0 at [1]",
    ),
    (put("node/nodes/output/shape", [5]), "`node/nodes/output`: must have the shape (4,) of 'dense'"),
    (
        put("node/nodes/conv_weight0/stride", [0, 1]),
        "`node/nodes/conv_weight0/stride`: must be whole numbers in 1…127, got 0 at [0]",
    ),
    (
        put("node/nodes/conv_weight0/stride", [1, 1, 1]),
        "`node/nodes/conv_weight0/stride`: must be one number or (height, width), got shape (3,)",
    ),
    (
        put("node/nodes/conv_weight0/padding", "reflect"),
        "`node/nodes/conv_weight0/padding`: must be numbers, got a string",
    ),
    (
        put("node/nodes/conv_weight0/groups", 3),
        "`node/nodes/conv_weight0`: weights: 3 x 2 channels in 3 groups do not fit a source of 2 channels",
    ),
    (put("node/nodes/conv_weight0/dilation", 9), "`node/nodes/conv_weight0`: gives neurons of shape (3, -14, -14)"),
    (
        put("node/nodes/conv_weight0/weight", np.ones(3)),
        "`node/nodes/conv_weight0/weight`: must have 4 dimensions, got shape (3,)",
    ),
    (drop("node/nodes/conv_weight0/weight"), "`node/nodes/conv_weight0/weight`: missing"),
    (
        put("node/nodes/conv_weight0/weight", np.ones((0, 2, 3, 3))),
        "`node/nodes/conv_weight0`: weights: shape must be (out, in / groups, height, width), got (0, 2, 3, 3)",
    ),
    (
        put("node/nodes/conv_weight0/input_shape", [5, 4]),
        "`node/nodes/conv_weight0/input_shape`: must be (4, 4), which arrives, got (5, 4)",
    ),
    (
        put("node/nodes/conv_weight0/weight", np.full((3, 2, 3, 3), 4.0)),
        "`node/nodes/conv_weight0/weight`: must be a multiple of 1/64 in -4…3.98438, got 4.0 at [0, 0, 0, 0]",
    ),
    (
        put("node/nodes/conv_delay0/delay", np.arange(12).reshape(3, 2, 2) * DT),
        "`node/nodes/conv_weight0`: delays around it must be one for each channel, behind it",
    ),
    (
        put("node/nodes/dense_flatten0/start_dim", 1),
        "`node/nodes/dense_flatten0`: must flatten everything (start_dim 0, end_dim -1), got 1 and -1",
    ),
    (
        put("node/nodes/dense_flatten0/input_type", [12]),
        "`node/nodes/dense_flatten0/input_type`: must be (3, 2, 2), which arrives, got (12,)",
    ),
    (
        put("node/nodes/dense_weight0/metadata/weight_exp", 3),
        "`node/nodes/dense_weight0/weight`: must be -256…255 times 2**3, in units of 1/64",
    ),
    (
        put("node/nodes/dense_weight0/metadata/weight_exp", 99),
        "`node/nodes/dense_weight0/metadata/weight_exp`: must be whole numbers in -16…7, got 99",
    ),
    (
        put("node/nodes/dense_weight1/weight", np.ones((5, 4))),
        "`node/nodes/dense_weight1`: gives (5,) to neurons of shape (4,)",
    ),
    (
        put("node/nodes/dense_weight0/weight", np.ones((0, 12))),
        "`node/nodes/dense_weight0`: gives neurons of shape (0,)",
    ),
    (drop("node/nodes/dense_flatten0/start_dim"), "`node/nodes/dense_flatten0/start_dim`: missing"),
    (drop("node/nodes/conv/v_leak"), "`node/nodes/conv/v_leak`: missing"),
    (
        put("node/nodes/conv/metadata/shape", [13, 1, 1]),
        "`node/nodes/conv/metadata/shape`: must be of 12 neurons, got (13, 1, 1)",
    ),
    (
        put("node/nodes/conv/metadata/shape", "x"),
        "`node/nodes/conv/metadata/shape`: must be numbers, got a string",
    ),
    (
        put("node/nodes/conv/metadata/bias_exp", 9),
        "`node/nodes/conv/metadata/bias_exp`: must be whole numbers in 0…7, got 9",
    ),
    (
        put("node/edges", [("input", "dense_weight0"), ("dense_weight0", "dense"), ("dense", "output")]),
        "`node/nodes/conv`: is fed by nothing",
    ),
    (put("node/metadata/dt", -1.0), "`node/metadata/dt`: must be a positive number of seconds, got -1.0"),
    (put("node/metadata/dt", [1.0, 2.0]), "`node/metadata/dt`: must have shape () or (1,), got (2,)"),
    (put("node/metadata/lapilli", np.frombuffer(b"{", np.uint8)), "`node/metadata/lapilli`: must be JSON"),
    (put("node/metadata/lapilli", np.frombuffer(b"[" * 100000, np.uint8)), "`node/metadata/lapilli`: must be JSON"),
    (put("node/metadata/lapilli", np.frombuffer(b"[]", np.uint8)), "`node/metadata/lapilli`: must be a JSON object"),
    (put("node/metadata/lapilli", np.frombuffer(b'{"a": NaN}', np.uint8)), "metadata: must be JSON values"),
    (
        lambda file: file.__setitem__("node/nodes/soft", h5py.SoftLink("/node")),
        "`node/nodes/soft`: must be in this file itself, got SoftLink",
    ),
    (lambda file: file.__setitem__("node/nodes/node", file["node"]), "`node/nodes/node`: is a group inside itself"),
    (
        put("node/metadata/huge", np.zeros(1 << 28, np.uint8), compression="gzip"),
        "`node/metadata/huge`: claims shape (268435456,) of uint8",
    ),
]


@pytest.mark.parametrize(("edit", "problem"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_and_strange_files(file: Path, edit: Edit, problem: str) -> None:
    with h5py.File(file, "r+") as content:
        edit(content)
    with pytest.raises((UnsupportedError, FormatError)) as raised:
        load_nir(file)
    assert str(file) in str(raised.value)
    assert any(found.startswith(problem) for found in raised.value.problems), raised.value.problems


def test_no_file_at_all(tmp_path: Path, file: Path) -> None:
    with pytest.raises(LapilliError, match="cannot read"):
        load_nir(tmp_path / "missing.nir")
    (tmp_path / "text.nir").write_text("NIR")
    with pytest.raises(FormatError, match="not an HDF5 file"):
        load_nir(tmp_path / "text.nir")
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(FormatError, match="not an HDF5 file, or a damaged one"):
        load_nir(file)


MUTATIONS = 200


def outcome(path: Path) -> str:
    """What `load_nir` makes of a file; anything but a network and our own errors goes through."""
    started = time.process_time()
    try:
        assert isinstance(load_nir(path), Network)
        answer = "network"
    except LapilliError as error:
        answer = type(error).__name__ if "\n" not in str(error) else "more than a sentence"
    assert time.process_time() - started < 2
    assert answer in ("network", "LapilliError", "FormatError", "UnsupportedError")
    return answer


def load_broken_bytes(folder: Path) -> None:
    """Load all mutations in 1 GiB of address space beside what is in use, and print how often what came out."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + (1 << 30),) * 2)
    rng = random.Random(22)
    path = folder / "broken.nir"
    contents = []
    for seed in range(6):
        save_nir(random_nir_network(seed), path)
        contents.append(path.read_bytes())
    seen: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(rng.choice(contents), rng))
        seen[outcome(path)] += 1
    print(json.dumps(seen))


def test_broken_bytes(tmp_path: Path) -> None:
    """In a process of its own: a crash or an endless loop inside libhdf5 would take this one along."""
    script = (
        "import sys; from pathlib import Path; import test_nir_foreign as f; f.load_broken_bytes(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["FormatError"] > MUTATIONS / 10
    assert seen["network"] > MUTATIONS / 10
