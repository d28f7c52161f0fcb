"""The `loihi2` backend: the graph of the `lava` backend on the chip, where Intel's extension of Lava is installed.

It runs in a guarded child interpreter as the `lava` backend does, so no run hangs its caller. Samples start from empty
state: they stream through one run, with the neurons reset between them, where that is exact (`streaming_arrivals`);
otherwise each has a run of its own. Spikes of every layer come back to the host, and all counts are made from them.
What of this is tested without a chip, and what is not: docs/how-to/loihi2.md.
"""

import shutil
import time

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.lava.backend import choose_route, make_job, save_for
from lapilli.simulators.lava.rows import RowReader
from lapilli.simulators.lava.runs import Route
from lapilli.simulators.loihi2.client import Board, shared_board
from lapilli.simulators.loihi2.refusals import chip_refusals, latency_refusals, missing_parts
from lapilli.simulators.loihi2.runs import chip_stretches, with_latency, without_latency
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import RunResult


def run_loihi2(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Run every sample of `events` from empty state for `plan.n_steps` steps on a Loihi 2 board.

    Raises:
        UnsupportedError: naming what is missing here, or what of the run the chip cannot express.
        LavaTimeoutError: when Lava needs more than `plan.time_limit_s`; it is killed.
        LavaRunError: when a Lava Process fails, or the board answers a known network wrongly.
    """
    if missing := missing_parts():
        raise UnsupportedError("backend loihi2", [f"needs {', '.join(missing)}"])
    route = choose_route(network, len(events), plan)
    if refusals := chip_refusals(network, events, plan, route):
        raise UnsupportedError("backend loihi2", refusals)
    with shared_board() as board:
        return _run(network, events, plan, route, board)


def _run(network: Network, events: Events, plan: RunPlan, route: Route, board: Board) -> RunResult:
    limit_s = plan.time_limit_s
    deadline = None if limit_s is None else time.monotonic() + limit_s
    latency = board.latency(deadline, limit_s)
    if refusals := latency_refusals(network, latency):
        raise UnsupportedError("backend loihi2", refusals)
    rows = RowReader(network, events, plan, route.arrivals or [0] * len(network.layers))
    seconds = 0.0
    path = save_for(network, route, board.worker.new_folder())
    for stretch in chip_stretches(network, len(events), plan, route):
        folder = board.worker.new_folder()
        job = with_latency(make_job(network, path, events, plan, route, stretch), latency)
        seconds += board.run(job, folder, deadline, limit_s)
        without_latency(folder, len(network.layers), latency)
        rows.read(folder, stretch)
        shutil.rmtree(folder)
        plan.progress(stretch.last - stretch.first)
    shutil.rmtree(path.parent)
    spikes = rows.all_spikes()
    counts = counts_from_spikes(network, spikes, plan.n_steps)
    return RunResult("loihi2", spikes[network.output.name], counts, rows.recordings(), seconds)
