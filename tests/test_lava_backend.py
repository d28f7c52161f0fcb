"""The `lava` backend: what it gives back, which way it goes, and that nothing is left after any fault."""

import functools
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from groups import alive, assert_nothing_left, wait_until
from run_equality import assert_same_run

import lapilli.simulators.lava.client as lava_client
from lapilli.lava_models.refusals import lava_refusals
from lapilli.netx_exports import (
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Layer,
    Network,
    UnsupportedError,
)
from lapilli.netx_exports.installing import how_to_install
from lapilli.simulators import Events, Reset, run
from lapilli.simulators.lava.backend import choose_route, run_on_route
from lapilli.simulators.lava.client import (
    LavaRunError,
    LavaTimeoutError,
    LavaWorker,
    shared_worker,
    stop_workers,
)
from lapilli.simulators.lava.runs import Route, streaming_arrivals
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.random_events import random_events
from lapilli.simulators.results import RECORDABLE

pytestmark = pytest.mark.lava

REPOSITORY = Path(__file__).parents[1]

# Neurons that, once excited, spike for ever: whatever leaks from one sample into the next is seen.
RESTLESS = CubaLif(vth_mant=30, current_decay=0, voltage_decay=0)


def dense(source: str, outputs: int, inputs: int, seed: int, **more: object) -> DenseSynapse:
    weights = np.random.default_rng(seed).integers(-40, 60, (outputs, inputs)) * 2
    return DenseSynapse(source, weights, **more)  # type: ignore[arg-type]


def chain(*names: str, neuron: CubaLif = RESTLESS, size: int = 6) -> Network:
    layers = []
    for number, name in enumerate(names):
        source = names[number - 1] if number else "input"
        layers.append(Layer(name, (size,), neuron, (dense(source, size, size, number),)))
    return Network((size,), tuple(layers))


def everything(network: Network, n_steps: int) -> RunPlan:
    return RunPlan(n_steps, {layer.name: frozenset(RECORDABLE) for layer in network.layers})


def test_result_has_labels_counts_seconds_and_progress():
    network = chain("first", "second")
    events = random_events(network, 3, 9, 0.4, seed=1)
    events = Events(**{**vars(events), "labels": np.array([5, 7, 6])})
    finished: list[int] = []
    result = run(network, events, "lava", n_steps=12, record=["spikes"], progress=finished.append)
    assert result.backend == "lava"
    assert result.spikes.labels.tolist() == [5, 7, 6]
    assert result.spikes.n_events > 0
    assert result.recordings["second"].spikes.labels.tolist() == [5, 7, 6]
    assert result.recordings["first"].current is None
    assert sum(finished) == 3
    assert 0 < result.seconds < 60
    assert_same_run(run(network, events, "reference", n_steps=12, record=["spikes"]), result)


def test_only_what_was_asked_for_is_recorded():
    network = chain("first", "second")
    events = random_events(network, 1, 9, 0.4, seed=2)
    record = {"second": ["voltage"]}
    result = run(network, events, "lava", record=record)
    assert set(result.recordings) == {"second"}
    assert result.recordings["second"].spikes is None
    assert result.recordings["second"].current is None
    assert_same_run(run(network, events, "reference", record=record), result)


def test_no_samples_and_fewer_steps_than_the_events_have():
    network = chain("only")
    none = Events.from_dense(np.zeros((0, 6, 9), int))
    assert len(run(network, none, "lava").spikes) == 0
    events = random_events(network, 2, 9, 0.4, seed=3)
    assert_same_run(*(run(network, events, backend, n_steps=4, record=RECORDABLE) for backend in ("reference", "lava")))


def test_what_lava_cannot_compute_is_refused_with_the_reason():
    conv = ConvSynapse("input", np.full((2, 1, 3, 3), 255), delays=[0, 1])
    network = Network((1, 5, 5), (Layer("slow", (2, 3, 3), RESTLESS, (conv,)),))
    assert len(lava_refusals(network)) == 1
    with pytest.raises(UnsupportedError, match="layer 'slow', synapse 0 from 'input': Lava's Conv knows no delays"):
        run(network, random_events(network, 1, 5, 0.5, seed=0), "lava")
    wide = ConvSynapse("input", np.ones((1, 1, 1, 128)))
    with pytest.raises(UnsupportedError, match="8 bits"):
        run(
            Network((1, 1, 200), (Layer("wide", (1, 1, 73), RESTLESS, (wide,)),)),
            Events.from_dense(np.ones((1, 1, 1, 200, 2), int)),
            "lava",
        )
    graded = Network(
        (4,), (Layer("late", (2,), RESTLESS, (dense("input", 2, 4, 0, delays=[[1]]),)),), graded_input=True
    )
    with pytest.raises(UnsupportedError, match="values up to 1073741824 could overflow"):
        run(graded, Events.from_dense(np.full((1, 4, 3), 1 << 30)), "lava")


def test_sums_of_graded_input_wrap_at_32_bits_before_they_are_scaled_down():
    quiet = CubaLif((1 << 18) - 1, 4096, 4096)
    layers = (
        Layer("dense", (2,), quiet, (DenseSynapse("input", [[255, 255], [-256, 255]], weight_exp=-7, weight_bits=9),)),
        Layer("same", (2,), quiet, (IdentitySynapse("input", -256, weight_exp=-8),)),
        Layer("direct", (2,), quiet, (DirectSynapse(),)),
    )
    network = Network((2,), layers, graded_input=True)
    events = Events.from_dense(np.array([[[1 << 27, -(1 << 27), 123_456_789, 3], [1 << 26, 1 << 27, -87_654_321, 5]]]))
    reference, lava = (run(network, events, backend, n_steps=6, record=RECORDABLE) for backend in ("reference", "lava"))
    # 255 * (2^27 + 2^26) is -201326592 in 32 bits; scaled: -1572864; aligned by 6 bits, 2^24 added once: -83886080.
    assert reference.recordings["dense"].current[0, 0, 1] == -83_886_080
    assert_same_run(reference, lava)


def test_geometry_at_the_end_of_lavas_8_bits_is_right():
    geometries: list[dict[str, Any]] = [
        {"padding": (127, 64)},
        {"dilation": (127, 1), "padding": (127, 0)},
        {"stride": (127, 100), "padding": (70, 60)},
    ]
    for geometry in geometries:
        conv = ConvSynapse("input", np.arange(-9, 9).reshape(2, 1, 3, 3) * 13, **geometry)
        shape = conv.output_shape((1, 4, 5))
        network = Network((1, 4, 5), (Layer("far", shape, CubaLif(9, 2000, 1000), (conv,)),))
        events = random_events(network, 1, 4, 0.5, seed=4)
        assert_same_run(*(run(network, events, backend, record=RECORDABLE) for backend in ("reference", "lava")))


def test_a_layer_that_feeds_only_itself_runs_although_nothing_connects_it_to_the_input():
    biased = CubaLif(20, 1000, 300, bias_mant=[3, 9, 40], bias_exp=6)
    clock = Layer("clock", (3,), biased, (dense("clock", 3, 3, 1),))
    network = Network((2,), (clock, Layer("after", (3,), RESTLESS, (dense("clock", 3, 3, 2),))))
    events = Events.from_dense(np.zeros((1, 2, 30), int))
    results = [run(network, events, backend, record=RECORDABLE) for backend in ("reference", "lava")]
    assert results[0].spikes.n_events > 5
    assert_same_run(*results)


@pytest.mark.slow
def test_periodic_reset_is_the_same_on_both_ways():
    network = chain("first", "second", neuron=CubaLif(60, 300, 100))
    events = random_events(network, 1, 14, 0.4, seed=5)
    for interval, offset in ((4, 0), (3, 7), (1, 0), (40, 2)):
        plan = RunPlan(14, everything(network, 14).record, Reset(interval, offset))
        reference = run(network, events, "reference", record=RECORDABLE, reset=plan.reset)
        for graph in ("stock", "builder"):
            assert_same_run(reference, run_on_route(network, events, plan, Route(graph, None)))


def streamable_networks() -> list[Network]:
    conv = ConvSynapse(
        "input", np.random.default_rng(1).integers(-30, 40, (2, 1, 3, 3)) * 2, stride=(2, 1), padding=(1, 1)
    )
    shape = conv.output_shape((1, 5, 6))
    images = Network(
        (1, 5, 6),
        (
            Layer("maps", shape, RESTLESS, (conv,)),
            Layer("out", (4,), RESTLESS, (dense("maps", 4, int(np.prod(shape)), 2),)),
        ),
    )
    branches = Network(
        (5,),
        (
            Layer("left", (4,), RESTLESS, (dense("input", 4, 5, 1),)),
            Layer("right", (4,), RESTLESS, (dense("input", 4, 5, 2),)),
            Layer("both", (4,), RESTLESS, (dense("left", 4, 4, 3), IdentitySynapse("right", 90))),
            Layer("deep", (4,), RESTLESS, (dense("both", 4, 4, 4, delays=[[2]]),)),
        ),
    )
    late = Network(
        (5,),
        (
            Layer("late", (4,), RESTLESS, (dense("input", 4, 5, 1, delays=[[1], [6], [2], [3]]),)),
            Layer("out", (4,), RESTLESS, (dense("late", 4, 4, 2), dense("input", 4, 5, 3, delays=[[4]]))),
        ),
    )
    direct = Network(
        (5,),
        (
            Layer("encoder", (5,), RESTLESS, (DirectSynapse(),)),
            Layer("out", (4,), RESTLESS, (dense("encoder", 4, 5, 2),)),
        ),
        graded_input=True,
    )
    return [chain("first", "second", "third"), images, branches, late, direct]


@pytest.mark.parametrize("number", range(5))
def test_samples_in_a_stream_run_as_if_each_were_alone(number):
    network = streamable_networks()[number]
    arrivals = streaming_arrivals(network)
    assert arrivals is not None
    for n_samples, n_steps in ((6, 12), (9, 3), (3, 1)):
        events = random_events(network, n_samples, n_steps, 0.3, seed=number)
        plan = everything(network, n_steps)
        chosen = choose_route(network, n_samples, plan)
        assert chosen.arrivals == arrivals
        alone = run(network, events, "reference", record=RECORDABLE)
        assert n_steps < 12 or alone.spikes.n_events > 0
        assert_same_run(alone, run_on_route(network, events, plan, chosen))
        assert_same_run(alone, run_on_route(network, events, plan, Route("builder", arrivals)))


def test_both_ways_and_one_run_for_each_sample_are_the_same():
    for network in (*streamable_networks()[:2], chain("first", "second", neuron=CubaLif(60, 300, 100, bias_mant=4))):
        events = random_events(network, 2, 10, 0.3, seed=7)
        plan = everything(network, 10)
        alone = run(network, events, "reference", record=RECORDABLE)
        assert choose_route(network, 2, plan).graph == "stock"
        for graph in ("stock", "builder"):
            assert_same_run(alone, run_on_route(network, events, plan, Route(graph, None)))


def stock_networks() -> list[Network]:
    lively = CubaLif(60, 300, 100, bias_mant=[4, 0, 2, 9])
    conv = ConvSynapse(
        "input",
        np.random.default_rng(2).integers(-60, 60, (4, 1, 3, 2)) * 2,
        stride=(2, 1),
        padding=(1, 2),
        dilation=(1, 2),
        groups=2,
    )
    shape = conv.output_shape((2, 6, 5))
    maps = Layer("maps", shape, CubaLif(90, [100, 4096, 0, 9], 400, bias_mant=[0, 3, -2, 5]), (conv,))
    readers = (maps, Layer("out", (4,), lively, (dense("maps", 4, int(np.prod(shape)), 4),)))
    encoder = Layer("encoder", (2, 3, 4), CubaLif(100, 4096, 500), (DirectSynapse(),))
    after = ConvSynapse("encoder", np.random.default_rng(3).integers(-60, 60, (3, 2, 2, 2)) * 2)
    return [
        Network((5,), (Layer("loop", (4,), CubaLif(60, 300, 100), (dense("input", 4, 5, 1), dense("loop", 4, 4, 2))),)),
        Network(
            (5,), (Layer("late", (4,), CubaLif(60, 300, 100), (dense("input", 4, 5, 1, delays=[[0, 7, 2, 1, 0]]),)),)
        ),
        Network((2, 6, 5), readers),
        # As `from_slayer` makes it without an Input block: lava-dl's file then does not tell the input's shape.
        Network((2, 6, 5), readers, {"netx_layout": ["conv", "flatten", "dense"]}),
        Network((2, 3, 4), (encoder, Layer("maps", (3, 2, 3), CubaLif(90, 100, 400), (after,))), graded_input=True),
        Network((6,), (Layer("out", (4,), lively, (dense("input", 4, 6, 5),)),), graded_input=True),
    ]


@pytest.mark.parametrize("number", range(6))
def test_stock_lava_runs_what_the_builder_and_the_reference_run(number):
    network = stock_networks()[number]
    events = random_events(network, 2, 12, 0.4, seed=number)
    plan = everything(network, 15)
    assert choose_route(network, 1, plan) == Route("stock", None)
    reference = run(network, events, "reference", n_steps=15, record=RECORDABLE)
    assert reference.spikes.n_events > 0
    for graph in ("stock", "builder"):
        assert_same_run(reference, run_on_route(network, events, plan, Route(graph, None)))
    assert_same_run(reference, run(network, events, "lava", n_steps=15, record=RECORDABLE))


def leaking_networks() -> list[Network]:
    first = Layer("first", (4,), RESTLESS, (dense("input", 4, 5, 1),))
    return [
        chain("first", "second", neuron=CubaLif(30, 0, 0, bias_mant=3)),
        Network((5,), (Layer("loop", (4,), RESTLESS, (dense("input", 4, 5, 1), dense("loop", 4, 4, 2))),)),
        Network((5,), (first, Layer("late", (4,), RESTLESS, (dense("first", 4, 4, 2, delays=[[0], [3], [1], [2]]),)))),
        Network((5,), (first, Layer("skip", (4,), RESTLESS, (dense("first", 4, 4, 2), dense("input", 4, 5, 3))))),
    ]


@pytest.mark.parametrize("number", range(4))
def test_samples_that_would_leak_into_the_next_do_not_stream(number):
    network = leaking_networks()[number]
    assert streaming_arrivals(network) is None
    events = random_events(network, 5, 8, 0.4, seed=number)
    plan = everything(network, 8)
    assert choose_route(network, 5, plan).arrivals is None
    alone = run(network, events, "reference", record=RECORDABLE)
    assert_same_run(alone, run(network, events, "lava", record=RECORDABLE))
    forced = Route("builder", tuple(range(1, len(network.layers) + 1)))
    with pytest.raises(AssertionError):
        assert_same_run(alone, run_on_route(network, events, plan, forced))


def test_importing_the_backend_imports_neither_lava_nor_torch():
    loaded = "[m for m in sys.modules if m.startswith(('lava.', 'torch', 'numba'))]"
    script = f"import sys, lapilli.simulators.lava.backend; print({loaded})"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_nothing_reaches_standard_output(capfd):
    stop_workers()
    network = chain("first", "second")
    events = random_events(network, 1, 4, 0.4, seed=1)
    for graph in ("stock", "builder"):
        run_on_route(network, events, everything(network, 4), Route(graph, None))
    stop_workers()
    assert capfd.readouterr() == ("", "")


def test_without_lava_the_refusal_says_what_to_install(monkeypatch):
    stop_workers()
    monkeypatch.setattr(lava_client, "installed", lambda module: False)
    network = chain("only")
    with pytest.raises(UnsupportedError) as caught:
        run(network, random_events(network, 1, 3, 0.5, seed=0), "lava")
    commands = how_to_install("train")
    assert str(caught.value) == f"backend lava: needs lava-nc, which is not installed: {commands}"


def test_a_worker_is_used_again_and_keeps_no_old_weights():
    big = Network((700,), (Layer("big", (700,), RESTLESS, (dense("input", 700, 700, 1),)),))
    events = Events.from_dense(np.ones((1, 700, 2), int))
    plan = RunPlan(2)
    sizes = []
    for _ in range(14):
        run_on_route(big, events, plan, Route("builder", None))
        with shared_worker("builder") as worker:
            status = Path(f"/proc/{worker.process.group}/status").read_text()
            sizes.append((worker.process.group, int(status.partition("VmRSS:")[2].split()[0])))
    assert len({group for group, _ in sizes}) == 1
    # 2 MB of weights in each run.
    assert sizes[-1][1] - sizes[3][1] < 4_000


def test_a_run_that_takes_too_long_is_killed():
    network = chain("only")
    events = random_events(network, 1, 3, 0.5, seed=1)
    with shared_worker("builder") as worker:
        process = worker.process
    with pytest.raises(LavaTimeoutError, match=r"time limit of 1\.5 s"):
        run_on_route(network, events, RunPlan(1_000_000, time_limit_s=1.5), Route("builder", None))
    assert_nothing_left(process.group, process.shared_memory, process.folder)


def unusable(process: Any) -> bool:
    return not process.usable


def test_a_worker_that_nobody_needs_ends_and_the_next_run_starts_another(monkeypatch):
    stop_workers()
    monkeypatch.setattr(lava_client, "LavaWorker", functools.partial(LavaWorker, "impatient_worker"))
    network = chain("only")
    events = random_events(network, 1, 3, 0.5, seed=1)
    groups = set()
    for _ in range(2):
        run_on_route(network, events, RunPlan(3), Route("builder", None))
        with shared_worker("builder") as worker:
            process = worker.process
        assert wait_until(partial(unusable, process))
        groups.add(process.group)
    assert len(groups) == 2
    stop_workers()
    assert_nothing_left(process.group, process.shared_memory, process.folder)


def test_a_worker_that_cannot_start_says_why():
    with pytest.raises(LavaRunError, match="No module named no_such_module"):
        LavaWorker("no_such_module")


LONG_RUN = """
import numpy as np
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators import Events
from lapilli.simulators.lava.backend import run_on_route
from lapilli.simulators.lava.client import shared_worker
from lapilli.simulators.lava.runs import Route
from lapilli.simulators.plan import RunPlan

network = Network((2,), (Layer("only", (2,), CubaLif(3, 100, 100), (DenseSynapse("input", np.full((2, 2), 50)),)),))

def run(n_steps):
    events = Events.from_dense(np.ones((1, 2, 2), int))
    return run_on_route(network, events, RunPlan(n_steps), Route("builder", None)).spikes.n_events

with shared_worker("builder") as worker:
    print(worker.process.group, worker.process.shared_memory, worker.process.folder, flush=True)
"""


INTERRUPTED_RUN = """
try:
    run(1_000_000)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(run(9))
"""


def start_long_run(ending: str) -> tuple["subprocess.Popen[str]", int, str, Path]:
    """A process in the midst of a Lava run, with the group, shared memory and folder of its worker."""
    parent = subprocess.Popen(
        [sys.executable, "-c", LONG_RUN + ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )
    assert parent.stdout is not None
    words = parent.stdout.readline().split()
    group, shared_memory, folder = int(words[0]), words[1], Path(words[2])
    # Worker, resource tracker, shared memory, source, synapse, neuron, sink, runtime service.
    assert wait_until(lambda: len(alive(group)) >= 8), alive(group)
    return parent, group, shared_memory, folder


def test_ctrl_c_during_a_run_reaches_the_caller_and_leaves_nothing():
    parent, group, shared_memory, folder = start_long_run(INTERRUPTED_RUN)
    parent.send_signal(signal.SIGINT)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "interrupted\n"
    assert_nothing_left(group, shared_memory, folder)
    rest, errors = parent.communicate(timeout=60)
    assert int(rest) > 0
    assert errors == ""
    assert parent.returncode == 0


def test_a_killed_parent_leaves_nothing():
    parent, group, shared_memory, folder = start_long_run("run(1_000_000)\n")
    parent.kill()
    assert_nothing_left(group, shared_memory, folder)
    parent.communicate(timeout=60)


def test_a_worker_ends_with_its_parent():
    ending = "print(run(9))\n"
    script = [sys.executable, "-c", LONG_RUN + ending]
    done = subprocess.run(script, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert int(second) > 0
    group, shared_memory, folder = first.split()
    assert_nothing_left(int(group), shared_memory, Path(folder))


def test_a_worker_that_dies_in_the_midst_of_a_run_is_noticed():
    network = chain("only")
    events = random_events(network, 1, 3, 0.5, seed=1)
    with shared_worker("builder") as worker:
        process = worker.process
    killer = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; time.sleep(1.5); os.kill({process.group}, {int(signal.SIGKILL)})"]
    )
    with pytest.raises(LavaRunError, match="the Lava worker ended unexpectedly"):
        run_on_route(network, events, RunPlan(1_000_000), Route("builder", None))
    killer.wait()
    assert_nothing_left(process.group, process.shared_memory, process.folder)
