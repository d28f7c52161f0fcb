"""`lapilli.simulators.fast.kept`: a network is lowered once, and its program goes with it."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators import Events, run
from lapilli.simulators.fast import kept, lowering
from lapilli.simulators.fast.kept import lowered
from lapilli.simulators.fast.program import Lowered
from lapilli.simulators.many import Part, run_parts
from lapilli.simulators.stream import Simulator


def network(weight: int = 8) -> Network:
    layer = Layer("layer", (3,), CubaLif(10, 1024, 256), (DenseSynapse("input", np.full((3, 4), weight)),))
    return Network((4,), (layer,))


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> list[Network]:
    """Networks that were lowered, one entry for each time."""
    found: list[Network] = []
    original = lowering.lower

    def noted(of: Network) -> Lowered:
        found.append(of)
        time.sleep(0.02)  # so that threads meet here where nothing keeps them apart
        return original(of)

    monkeypatch.setattr(kept, "lower", noted)
    return found


def test_many_parts_lower_a_network_once(lowerings: list[Network]) -> None:
    one, two = network(), network(10)
    events = Events.from_dense(np.random.default_rng(0).random((5, 4, 20)) < 0.3)
    parts = [Part(events, {"layer": ["voltage"]})] * 4
    spikes = [result.spikes for _, result in run_parts(one, parts, jobs=1)]
    assert len(spikes) == 4
    assert lowerings == [one]
    run(two, events)
    Simulator(two)
    run(one, events)
    assert [found is one for found in lowerings] == [True, False]


def test_threads_lower_a_network_once(lowerings: list[Network]) -> None:
    one, gate = network(), threading.Barrier(4)

    def late() -> Lowered:
        gate.wait()
        return lowered(one)

    with ThreadPoolExecutor(4) as pool:
        found = [task.result() for task in [pool.submit(late) for _ in range(4)]]
    assert len(lowerings) == 1
    assert all(other is found[0] for other in found)


def test_a_program_goes_with_its_network() -> None:
    one = network()
    weights = weakref.ref(lowered(one).program.weights8)
    assert weights() is not None
    del one
    gc.collect()
    assert weights() is None


def test_few_programs_are_kept(lowerings: list[Network]) -> None:
    several = [network(2 * number) for number in range(kept._MOST + 1)]
    for each in several:
        lowered(each)
    lowered(several[-1])
    assert len(kept._PROGRAMS) == kept._MOST
    assert len(lowerings) == len(several)
    lowered(several[0])
    assert len(lowerings) == len(several) + 1
