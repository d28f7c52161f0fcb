"""The `lava` backend: the network as Lava Processes with fixed-point CPU models, in a guarded child interpreter.

Lava is the oracle that the other backends are compared with. A plain chain that stock lava-dl runs rightly goes the
stock way: it is saved as a NetX file and loaded by lava-dl's own reader. Anything else is built from Lava's stock
Processes. Counts of events and operations are made inside the graph too, by the Processes that send and receive spikes.
"""

import dataclasses
import shutil
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.lava_models.refusals import lava_refusals, reset_refusals
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events
from lapilli.simulators.lava.client import installed, shared_worker
from lapilli.simulators.lava.counts import CountReader, save_counted
from lapilli.simulators.lava.job import LavaJob, save_network
from lapilli.simulators.lava.rows import RowReader
from lapilli.simulators.lava.runs import (
    Route,
    Stretch,
    reset_offsets,
    steps_in_file_order,
    streaming_arrivals,
    stretches,
)
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import RunResult

Int32 = npt.NDArray[np.int32]


def run_lava(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Run every sample of `events` from empty state for `plan.n_steps` steps in Lava.

    Raises:
        UnsupportedError: when Lava is not installed, or cannot compute this network exactly.
        LavaTimeoutError: when Lava needs more than `plan.time_limit_s`; it is killed.
        LavaRunError: when a Lava Process fails.
    """
    return run_on_route(network, events, plan, choose_route(network, len(events), plan))


def choose_route(network: Network, n_samples: int, plan: RunPlan) -> Route:
    """The stock way where stock lava-dl runs the network rightly; samples in a stream where that is exact."""
    arrivals = streaming_arrivals(network) if plan.reset is None and n_samples > 1 else None
    if stock_runs(network):
        return Route("stock", arrivals if arrivals is not None and steps_in_file_order(arrivals) else None)
    return Route("builder", arrivals)


def stock_runs(network: Network) -> bool:
    """Whether lava-dl is here, reads the plain file of this network and runs it rightly."""
    from lapilli.netx_exports.netx.stock import is_plain, stock_problems

    return installed("lava.lib.dl.netx") and is_plain(network) and not stock_problems(network)


def run_on_route(network: Network, events: Events, plan: RunPlan, route: Route) -> RunResult:
    """Like `run_lava`, on a given route, which must be exact for this network (`choose_route`)."""
    refusals = lava_refusals(network, {INPUT: _largest(events)})
    if plan.reset is not None:
        refusals += reset_refusals(network)
    if refusals:
        raise UnsupportedError("backend lava", refusals)
    arrivals = route.arrivals or [0] * len(network.layers)
    rows = RowReader(network, events, plan, arrivals)
    counts = CountReader(network, len(events), plan.n_steps, arrivals)
    seconds = 0.0
    with shared_worker(route.graph) as worker:
        deadline = None if plan.time_limit_s is None else time.monotonic() + plan.time_limit_s
        path = save_for(network, route, worker.new_folder())
        save_counted(network, path.parent)
        for stretch in stretches(network, len(events), plan, route):
            folder = worker.new_folder()
            job = make_job(network, path, events, plan, route, stretch)
            seconds += worker.run(job, folder, deadline, plan.time_limit_s)
            rows.read(folder, stretch)
            counts.read(folder, stretch)
            shutil.rmtree(folder)
            plan.progress(stretch.last - stretch.first)
        shutil.rmtree(path.parent)
    spikes = rows.all_spikes()
    # Only now it is known how large the values were that sigma-delta layers sent.
    if refusals := lava_refusals(network, {name: _largest(spikes[name]) for name in network.graded_sources}):
        raise UnsupportedError("backend lava", refusals)
    return RunResult("lava", spikes[network.output.name], counts.counts(spikes), rows.recordings(), seconds)


def _largest(events: Events) -> int:
    """Largest magnitude of the events' values."""
    return 1 if events.value is None else int(np.abs(events.value.astype(np.int64)).max(initial=1))


def save_for(network: Network, route: Route, folder: Path) -> Path:
    """Write the network's file as the route reads it; returns its path."""
    if route.graph == "builder":
        path = folder / "network.npz"
        save_network(network, path)
    else:
        from lapilli.netx_exports.netx.writer import save

        path = folder / "network.net"
        # Without the layout of the module that it came from the file tells the shape of its input, which lava-dl needs.
        save(dataclasses.replace(network, metadata={}), path)
    return path


def make_job(network: Network, path: Path, events: Events, plan: RunPlan, route: Route, stretch: Stretch) -> LavaJob:
    """The Lava run of a stretch of samples."""
    interval, offsets = reset_offsets(network, plan, route, stretch)
    step, neuron, value = _streamed(events.with_steps(plan.n_steps), stretch)
    return LavaJob(
        graph=route.graph,
        network=str(path),
        n_inputs=network.n_inputs,
        graded_input=network.graded_input,
        n_steps=stretch.n_steps,
        layers=tuple(layer.name for layer in network.layers),
        states=tuple(name for name, kinds in plan.record.items() if kinds - {"spikes"}),
        interval=interval,
        offsets=offsets,
        step=step,
        neuron=neuron,
        value=value,
    )


def _streamed(events: Events, stretch: Stretch) -> tuple[Int32, Int32, Int32]:
    """(step, neuron, value) of the stretch's samples, one after the other."""
    chosen = events.select(slice(stretch.first, stretch.last))
    step = chosen.sample_of_event * stretch.period + chosen.step
    value = np.ones(chosen.n_events, np.int32) if chosen.value is None else chosen.value
    return step.astype(np.int32), chosen.neuron, value
