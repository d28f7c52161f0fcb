"""The `loihi2` backend against a stand-in for Intel's extension, which runs the graph that it is given on the CPU.

Nothing here touches a chip: docs/how-to/loihi2.md says what that leaves open.
"""

import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from groups import assert_nothing_left
from hypothesis import given
from hypothesis import strategies as st
from run_equality import assert_same_run

import lapilli.simulators.loihi2.client as loihi2_client
from lapilli.netx_exports import ConvSynapse, CubaLif, DenseSynapse, IdentitySynapse, Layer, Network, UnsupportedError
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.simulators import Events, Reset, prove, run
from lapilli.simulators.lava.client import LavaRunError, LavaTimeoutError
from lapilli.simulators.loihi2.client import leave_board
from lapilli.simulators.loihi2.latency import N_STEPS, Latency, known_events, known_network, latency_of
from lapilli.simulators.loihi2.refusals import missing_parts
from lapilli.simulators.random_events import random_events

FAKE = Path(__file__).parent / "fake_loihi"
HOST = {"EventSource", "SpikeSink"}
ADAPTERS = {"PyToNxAdapter", "NxToPyAdapter"}

# Neurons that, once excited, spike for long: what leaks from one sample into the next, or arrives late, is seen.
RESTLESS = CubaLif(vth_mant=30, current_decay=40, voltage_decay=0)


@dataclass
class FakeBoard:
    """The stand-in: what it was given, and how it behaves, which a worker learns when it starts."""

    record: Path
    patch: pytest.MonkeyPatch
    behaviour: dict[str, str]

    def behave(self, **behaviour: object) -> None:
        """Latencies `into` and `out`, and a `fault`; a worker that learnt something else ends."""
        wanted = {f"FAKE_LOIHI_{name.upper()}": str(value) for name, value in behaviour.items()}
        if wanted != self.behaviour:
            leave_board()
            for name in self.behaviour:
                self.patch.delenv(name)
            for name, value in wanted.items():
                self.patch.setenv(name, value)
            self.behaviour = wanted

    def runs(self) -> list[tuple[dict[str, Any], int]]:
        """(graph, steps) of each run since the test began, without the one that measures the latency."""
        lines = [json.loads(line) for line in self.record.read_text().splitlines()]
        pairs = [(graph, steps["steps"]) for graph, steps in zip(lines[::2], lines[1::2], strict=True)]
        return [pair for pair in pairs if pair[1] != N_STEPS]


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeBoard]:
    record = tmp_path_factory.mktemp("loihi2") / "graphs.jsonl"
    leave_board()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FAKE)
        patch.setenv("NOSLURM", "1")
        patch.setenv("FAKE_LOIHI_RECORD", str(record))
        yield FakeBoard(record, patch, {})
        leave_board()


@pytest.fixture
def board(extension: FakeBoard, request: pytest.FixtureRequest) -> FakeBoard:
    """A board of the latencies (into, out) that a test may choose; those that choose alike share a worker."""
    into, out = getattr(request, "param", (2, 1))
    extension.record.unlink(missing_ok=True)
    extension.behave(into=into, out=out)
    return extension


def dense(source: str, outputs: int, inputs: int, seed: int, **more: Any) -> DenseSynapse:
    weights = np.random.default_rng(seed).integers(-40, 60, (outputs, inputs)) * 2
    return DenseSynapse(source, weights, **more)


def chain(neuron: CubaLif = RESTLESS, delay: int = 2) -> Network:
    """Plain NetX, so it goes the stock way; without a delay its samples can stream."""
    first = Layer("first", (5,), neuron, (dense("input", 5, 6, 1),))
    delays = np.full((4, 5), delay)
    return Network((6,), (first, Layer("second", (4,), neuron, (dense("first", 4, 5, 2, delays=delays),))))


def skipping(*, recurrent: bool) -> Network:
    """With a skip path and two readers of the input: only the builder knows how."""
    first = Layer("first", (6,), RESTLESS, (dense("input", 6, 6, 1),))
    synapses: list[Synapse] = [dense("first", 6, 6, 2), IdentitySynapse("input", 64)]
    synapses += [dense("second", 6, 6, 3)] if recurrent else []
    return Network((6,), (first, Layer("second", (6,), RESTLESS, tuple(synapses))))


def convolution() -> Network:
    rng = np.random.default_rng(3)
    kernel = ConvSynapse("input", rng.integers(-10, 30, (3, 2, 3, 3)) * 2, stride=(2, 1), padding=(1, 0))
    conv = Layer("conv", (3, 3, 2), RESTLESS, (kernel,))
    return Network((2, 5, 4), (conv, Layer("output", (4,), RESTLESS, (dense("conv", 4, 18, 4),))))


def same_as_fast(network: Network, events: Events, **more: Any) -> None:
    found = run(network, events, "loihi2", record=["spikes"], time_limit_s=120, **more)
    assert found.backend == "loihi2"
    assert found.spikes.n_events > 0
    assert_same_run(run(network, events, "fast", record=["spikes"], **more), found)


def kinds(graph: dict[str, Any]) -> list[str]:
    return sorted(process["kind"] for process in graph["processes"].values())


def edges(graph: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """(kind, port, kind, port) of each connection."""
    names = {int(number): process["kind"] for number, process in graph["processes"].items()}
    return sorted((names[source], port, names[target], entry) for source, port, target, entry in graph["edges"])


def of_kind(graph: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [process for _, process in sorted(graph["processes"].items()) if process["kind"] == kind]


# What is missing ------------------------------------------------------------------------------------------------------


def test_it_refuses_in_one_sentence_that_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM", "NOSLURM", "NXSDKHOST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnsupportedError) as refused:
        run(chain(), random_events(chain(), 1, 5, 0.5, seed=1), "loihi2")
    message = str(refused.value)
    assert "\n" not in message
    for part in ("Intel's Loihi extension", "lava.proc.embedded_io.spike", "nxcore", "NXSDKHOST"):
        assert part in message


@pytest.mark.lava
def test_with_the_extension_only_a_board_is_missing(board: FakeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_parts() == ()
    monkeypatch.delenv("NOSLURM")
    assert missing_parts() == ("a board, named in the environment (SLURM, NOSLURM or NXSDKHOST)",)


# Spikes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.lava
def test_the_latency_is_measured_once_for_a_worker(board: FakeBoard) -> None:
    leave_board()
    network = skipping(recurrent=True)
    for seed in range(2):
        run(network, random_events(network, 1, 9, 0.4, seed), "loihi2", time_limit_s=120)
    assert [json.loads(line).get("steps") for line in board.record.read_text().splitlines()[1::2]] == [N_STEPS, 12, 12]


@pytest.mark.lava
@pytest.mark.parametrize("board", [(0, 0)], indirect=True)
def test_neurons_with_a_bias_where_the_board_hands_spikes_in_at_once(board: FakeBoard) -> None:
    biased = chain(CubaLif(vth_mant=30, current_decay=400, voltage_decay=100, bias_mant=[9], bias_exp=6))
    same_as_fast(biased, random_events(biased, 2, 12, 0.3, seed=2))


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.parametrize("board", [(0, 0), (2, 1)], indirect=True)
def test_spikes_and_counts_are_those_of_fast(board: FakeBoard) -> None:
    for seed, network in enumerate([chain(), skipping(recurrent=False), skipping(recurrent=True), convolution()]):
        same_as_fast(network, random_events(network, 3, 9, 0.4, seed), n_steps=14)


def random_case(seed: int) -> tuple[Network, Events]:
    """Two or three layers of any synapses that the stand-in has models of, and parameters that the chip can hold."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 8))
    layers: list[Layer] = []
    for number in range(int(rng.integers(2, 4))):
        name = f"layer {number}"
        # Every layer hears of the one before, so that all of them do something.
        sources = [layers[-1].name if layers else "input"]
        sources += list(rng.choice(["input", *(layer.name for layer in layers), name], int(rng.integers(0, 3))))
        neuron = CubaLif(int(rng.integers(20, 200)), int(rng.integers(1, 4097)), int(rng.integers(0, 4096)))
        synapses = tuple(random_synapse(rng, str(source), size, source != name) for source in sources)
        layers.append(Layer(name, (size,), neuron, synapses))
    network = Network((size,), tuple(layers), graded_input=bool(rng.integers(2)))
    return network, random_events(network, 2, 15, 0.4, seed)


def random_synapse(rng: np.random.Generator, source: str, size: int, may_skip: bool) -> DenseSynapse | IdentitySynapse:
    if may_skip and rng.integers(4) == 0:
        return IdentitySynapse(source, int(rng.integers(-20, 128)) * 2)
    sign: Any = str(rng.choice(["mixed", "excitatory"]))
    weights = rng.integers(-100 if sign == "mixed" else 0, 256, (size, size))
    delays = rng.integers(0, 5, (size, size)) if rng.integers(2) else None
    return DenseSynapse(
        source, weights, int(rng.integers(-4, 2)), delays, weight_bits=int(rng.integers(4, 9)), sign_mode=sign
    )


@pytest.mark.lava
@pytest.mark.parametrize("seed", range(8))
def test_random_networks(board: FakeBoard, seed: int) -> None:
    same_as_fast(*random_case(seed), n_steps=18)


@pytest.mark.lava
def test_graded_input(board: FakeBoard) -> None:
    network = Network((6,), skipping(recurrent=True).layers, graded_input=True)
    events = random_events(network, 2, 9, 0.4, seed=1)
    assert events.value is not None
    same_as_fast(network, events)
    (graph, _), *_ = board.runs()
    assert of_kind(graph, "PyToNxAdapter")[0]["message_bits"] == 24
    assert of_kind(graph, "NxToPyAdapter")[0]["message_bits"] == 0


@pytest.mark.lava
def test_labels_progress_and_seconds(board: FakeBoard) -> None:
    network = chain()
    events = random_events(network, 3, 9, 0.4, seed=1)
    events = Events(**{**vars(events), "labels": np.array([5, 7, 6])})
    finished: list[int] = []
    found = run(network, events, "loihi2", progress=finished.append, time_limit_s=120)
    assert found.spikes.labels is not None
    assert found.spikes.labels.tolist() == [5, 7, 6]
    assert sum(finished) == 3
    assert 0 < found.seconds < 60
    assert found.recordings == {}


@pytest.mark.lava
def test_periodic_resets(board: FakeBoard) -> None:
    for network in (chain(), skipping(recurrent=True)):
        same_as_fast(network, random_events(network, 2, 20, 0.4, seed=2), reset=Reset(8, 3))


# The graph ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.lava
def test_every_spike_crosses_the_chips_border_through_an_adapter(board: FakeBoard) -> None:
    networks = [chain(), skipping(recurrent=True), convolution()]
    for network in networks:
        run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)
    for network, (graph, _) in zip(networks, board.runs(), strict=True):
        for source, _, target, _ in edges(graph):
            border = {source, target} & HOST
            assert not border or {source, target} & ADAPTERS, (source, target)
        assert kinds(graph).count("NxToPyAdapter") == kinds(graph).count("SpikeSink") == len(network.layers)
        models = {process["model"] for process in graph["processes"].values() if process["kind"] not in HOST | ADAPTERS}
        assert models <= {
            "NcL2ModelLif",
            "NcModelDense",
            "NcModelDelayDense",
            "NcModelSparse",
            "NcL2ModelConv",
            "PyNetworkModel",  # NetX's own Process around its layers, which computes nothing
        }


@pytest.mark.lava
def test_the_graph_of_a_network_that_only_the_builder_knows(board: FakeBoard) -> None:
    network = skipping(recurrent=True)
    run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)
    ((graph, _),) = board.runs()
    assert edges(graph) == [
        ("Dense", "a_out", "LIF", "a_in"),
        ("Dense", "a_out", "LIF", "a_in"),
        ("Dense", "a_out", "LIF", "a_in"),
        ("EventSource", "s_out", "PyToNxAdapter", "inp"),
        ("LIF", "s_out", "Dense", "s_in"),
        ("LIF", "s_out", "Dense", "s_in"),
        ("LIF", "s_out", "NxToPyAdapter", "inp"),
        ("LIF", "s_out", "NxToPyAdapter", "inp"),
        ("NxToPyAdapter", "out", "SpikeSink", "spikes"),
        ("NxToPyAdapter", "out", "SpikeSink", "spikes"),
        ("PyToNxAdapter", "out", "Dense", "s_in"),
        ("PyToNxAdapter", "out", "Sparse", "s_in"),
        ("Sparse", "a_out", "LIF", "a_in"),
    ]
    assert [lif["vth"] for lif in of_kind(graph, "LIF")] == [30, 30]  # one for a layer, not one for each neuron
    assert [lif["du"] for lif in of_kind(graph, "LIF")] == [39, 39]


@pytest.mark.lava
def test_an_adapter_has_the_shape_of_what_it_feeds(board: FakeBoard) -> None:
    network = convolution()
    run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)
    ((graph, _),) = board.runs()
    assert [adapter["shape"] for adapter in of_kind(graph, "PyToNxAdapter")] == [[4, 5, 2]]  # NetX's (W, H, C)
    assert sorted(adapter["shape"] for adapter in of_kind(graph, "NxToPyAdapter")) == [[2, 3, 3], [4]]


@pytest.mark.lava
def test_run_configuration_and_number_of_steps(board: FakeBoard) -> None:
    network = skipping(recurrent=True)
    run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", n_steps=7, time_limit_s=120)
    ((graph, steps),) = board.runs()
    assert (graph["run_cfg"], graph["select_tag"], steps) == ("Loihi2HwCfg", None, 7 + 2 + 1)


@pytest.mark.lava
def test_samples_stream_through_one_run_with_resets_that_the_chip_can_do(board: FakeBoard) -> None:
    network = chain(delay=0)
    same_as_fast(network, random_events(network, 3, 9, 0.4, seed=1))
    ((graph, steps),) = board.runs()
    # 9 steps are stretched to 16; the layers start afresh in the steps in which the late input reaches them.
    assert steps == 3 * 16 + 2 + 1
    # Lava counts steps from 1; input takes 2 steps to the chip and one through each synapse.
    assert sorted(lif["reset"] for lif in of_kind(graph, "LIFReset")) == [[16, 1 + 2 + 1], [16, 1 + 2 + 2]]


@pytest.mark.lava
def test_samples_that_cannot_stream_have_runs_of_their_own(board: FakeBoard) -> None:
    network = skipping(recurrent=True)
    same_as_fast(network, random_events(network, 3, 9, 0.4, seed=1))
    assert [steps for _, steps in board.runs()] == [9 + 2 + 1] * 3
    assert all("LIFReset" not in kinds(graph) for graph, _ in board.runs())


# Latency --------------------------------------------------------------------------------------------------------------


@functools.cache
def expected() -> Events:
    return run(known_network(), known_events(), "reference", n_steps=N_STEPS).spikes


def answer(into: int, out: int) -> np.ndarray:
    """What the host receives of the known network through adapters of these latencies."""
    late = np.zeros((N_STEPS, 2), np.int32)
    for step, neuron in zip(expected().step, expected().neuron):
        arrives = step + out + (into if neuron == 1 else 0)
        if arrives < N_STEPS:
            late[arrives, neuron] = 1
    return late


@given(st.integers(0, 14), st.integers(0, 14))
def test_the_known_network_tells_both_latencies(into: int, out: int) -> None:
    assert latency_of(answer(into, out)) == Latency(into, out)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, N_STEPS - 1), st.integers(0, 1))
def test_an_answer_that_no_latency_explains_is_an_error(into: int, out: int, step: int, neuron: int) -> None:
    rows = answer(into, out)
    rows[step, neuron] ^= 1
    boards = [Latency(i, o) for i in range(8) for o in range(8) if np.array_equal(rows, answer(i, o))]
    if boards:
        assert [latency_of(rows)] == boards
    else:
        with pytest.raises(LavaRunError, match="answered a network of two neurons wrongly"):
            latency_of(rows)


# Refusals and faults --------------------------------------------------------------------------------------------------


def no_plain_convolution() -> Network:
    network = convolution()
    output = Layer("output", (4,), RESTLESS, (*network.output.synapses, dense("input", 4, 40, 5)))
    return Network((2, 5, 4), (network.layers[0], output))


@pytest.mark.lava
@pytest.mark.parametrize(
    ("network", "more", "reason"),
    [
        (chain(), {"record": {"second": ["spikes", "voltage"]}}, "record: of layer 'second' spikes only, not voltage"),
        (chain(), {"reset": Reset(12)}, "reset: the chip's interval must be a power of 2, got 12"),
        (chain(CubaLif(1 << 17, 1, 1)), {}, "vth_mant: the chip holds 0…131071, got 131072"),
        (no_plain_convolution(), {}, "layer 'conv': the chip's convolutions and their neurons have NetX's layout"),
    ],
)
def test_what_the_chip_cannot_express_is_refused(
    board: FakeBoard, network: Network, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedError, match="backend loihi2") as refused:
        run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", **more)
    assert reason in str(refused.value)
    assert not board.record.exists()


@pytest.mark.lava
def test_input_values_beyond_24_bits_are_refused(board: FakeBoard) -> None:
    network = Network((6,), chain().layers, graded_input=True)
    zero = np.zeros(1, np.int32)
    for value in (1 << 23, -(1 << 23)):
        events = Events(zero, zero, np.array([0, 1]), 5, (6,), value=np.array([value], np.int32))
        with pytest.raises(UnsupportedError, match="values up to 8388608 do not fit the 24 bits"):
            run(network, events, "loihi2")


@pytest.mark.lava
def test_a_bias_is_refused_where_input_arrives_late(board: FakeBoard) -> None:
    network = chain(CubaLif(vth_mant=30, current_decay=400, voltage_decay=100, bias_mant=9))
    with pytest.raises(
        UnsupportedError, match=r"layer 'first': its bias acts from step 0 on, but input reaches .* 2 s"
    ):
        run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)


@pytest.mark.lava
def test_what_the_extension_has_no_model_for_is_refused(board: FakeBoard) -> None:
    # The stand-in has no model of DelaySparse; Lava alone would take one that computes with floats on the CPU.
    first = Layer("first", (6,), RESTLESS, (IdentitySynapse("input", 64, delay=2),))
    network = Network((6,), (first,))
    with pytest.raises(UnsupportedError, match="the installed extension has no neurocore model of DelaySparse"):
        run(network, random_events(network, 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)
    other = skipping(recurrent=True)
    same_as_fast(other, random_events(other, 1, 9, 0.4, seed=1))  # the worker lives on


@pytest.mark.slow
@pytest.mark.lava
def test_prove_compares_what_the_chip_gives(board: FakeBoard) -> None:
    network = chain()
    proof = prove(network, random_events(network, 2, 12, 0.6, seed=1), ("fast", "loihi2"))
    assert proof.equal
    assert proof.spikes_only == ("loihi2",)
    assert proof.spikes_compared > 0


# Each of these ends its worker.


@pytest.mark.lava
@pytest.mark.parametrize("board", [(N_STEPS, 0)], indirect=True)
def test_a_board_that_swallows_spikes_gets_no_network(board: FakeBoard) -> None:
    with pytest.raises(LavaRunError, match=r"wrongly: spikes of neuron 0 in steps \[0, 1, .*neuron 1 in steps \[\]"):
        run(chain(), random_events(chain(), 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)


@pytest.mark.lava
def test_a_failing_process_is_an_error_with_its_traceback(board: FakeBoard) -> None:
    board.behave(fault="step")
    with pytest.raises(LavaRunError, match="the Lava run failed: ValueError: broken adapter") as failed:
        run(chain(), random_events(chain(), 1, 5, 0.4, seed=1), "loihi2", time_limit_s=120)
    assert "in run_spk" in str(failed.value.__cause__)


@pytest.mark.lava
def test_a_board_that_never_answers_is_left_in_time(board: FakeBoard) -> None:
    board.behave(fault="hang")
    started = time.monotonic()
    with loihi2_client.shared_board() as shared:
        process = shared.worker.process
    with pytest.raises(LavaTimeoutError, match="longer than its time limit of 3 s"):
        run(chain(), random_events(chain(), 1, 5, 0.4, seed=1), "loihi2", time_limit_s=3)
    assert time.monotonic() - started < 60
    assert_nothing_left(process.group, process.shared_memory, process.folder)
