"""Whatever fails inside of Lava is shown, and nothing is left of it: the next run is a healthy one."""

import functools
import time

import numpy as np
import pytest
from groups import assert_nothing_left

import lapilli.simulators.lava.client as lava_client
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators import Events
from lapilli.simulators.lava.backend import run_on_route
from lapilli.simulators.lava.client import LavaRunError, LavaTimeoutError, LavaWorker, shared_worker, stop_workers
from lapilli.simulators.lava.runs import Route
from lapilli.simulators.plan import RunPlan

pytestmark = pytest.mark.lava

# Once excited it spikes for ever.
RESTLESS = CubaLif(vth_mant=30, current_decay=0, voltage_decay=0)


@pytest.fixture(scope="module", autouse=True)
def faulty_workers():
    """A test goes on with the worker that the one before left healthy."""
    stop_workers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lava_client, "LavaWorker", functools.partial(LavaWorker, "faulty_worker"))
        yield
    stop_workers()


@pytest.mark.parametrize(
    ("fault", "message", "cause"),
    [
        ("step", "ValueError: broken in step 3", "in run_spk"),
        ("amid", "ValueError: broken in step 3", "in run_spk"),
        ("constructor", "ValueError: broken while it was built", "in __init__"),
        ("killed", "was killed by signal 9", "killed by signal 9"),
        ("gone", "a process of the graph ended by itself, with status 0", None),
        ("deadlock", "took longer than its time limit of 3 s", None),
    ],
)
def test_a_fault_inside_lava_is_shown_and_leaves_nothing(fault, message, cause):
    def run_chain(name, limit_s):
        network = Network((1,), (Layer(name, (1,), RESTLESS, (DenseSynapse("input", [[200]]),)),))
        events = Events.from_dense(np.ones((1, 1, 8), int))
        plan = RunPlan(8, time_limit_s=limit_s)
        return run_on_route(network, events, plan, Route("builder", None))

    assert run_chain("healthy", 60).spikes.n_events > 0
    with shared_worker("builder") as worker:
        process = worker.process
    started = time.monotonic()
    with pytest.raises(LavaTimeoutError if fault == "deadlock" else LavaRunError, match=message) as caught:
        run_chain(fault, 3 if fault == "deadlock" else 60)
    assert time.monotonic() - started < 30
    assert cause is None or cause in str(caught.value.__cause__)
    assert_nothing_left(process.group, process.shared_memory, process.folder)
    assert run_chain("healthy", 60).spikes.n_events > 0
