"""Work split over processes and over a Dask cluster: the same results, also when a worker is killed half way."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, save
from lapilli.simulators import Events, RunResult, cluster, events_equal, many, run
from lapilli.simulators.counting import join_counts
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.many import parts_of, run_parts


def network() -> Network:
    rng = np.random.default_rng(0)
    neuron = CubaLif(vth_mant=90, current_decay=1024, voltage_decay=256)
    hidden = Layer("hidden", (12,), neuron, (DenseSynapse("input", rng.integers(-40, 60, (12, 20)) * 2),))
    return Network((20,), (hidden,))


@pytest.fixture
def events() -> Events:
    return Events.from_dense(np.random.default_rng(1).random((300, 20, 25)) < 0.2, labels=np.arange(300) % 7)


@pytest.fixture
def file(tmp_path: Path, events: Events) -> EventFile:
    events.save(tmp_path / "events.npz")
    return EventFile(tmp_path / "events.npz")


def run_whole(file: EventFile, **options: Any) -> list[RunResult]:
    parts = parts_of(file, {"hidden": ["voltage"]})
    return [result for _, result in run_parts(network(), parts, **options)]


def assert_whole(parts: list[RunResult], events: Events) -> None:
    whole = run(network(), events, "reference", record={"hidden": ["voltage"]})
    assert sum(part.spikes.n_events for part in parts) == whole.spikes.n_events > 1000
    first = 0
    for part in parts:
        last = first + len(part.spikes)
        assert events_equal(part.spikes, whole.spikes.select(slice(first, last)))
        assert part.spikes.labels.tolist() == events.labels[first:last].tolist()
        assert np.array_equal(part.recordings["hidden"].voltage, whole.recordings["hidden"].voltage[first:last])
        first = last
    assert first == len(events)
    assert join_counts([part.counts for part in parts]) == whole.counts


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_do_not_depend_on_the_split(file: EventFile, events: Events, jobs: int) -> None:
    seen: list[int] = []
    assert_whole(run_whole(file, jobs=jobs, progress=seen.append), events)
    assert sum(seen) == 300


class KillsItsWorkerOnce(Events):
    """Events that kill the process that unpacks them, the first time."""

    def __reduce__(self) -> tuple:
        facts = (self.step, self.neuron, self.offsets, self.n_steps, self.shape, self.value, self.labels)
        return _unpack, (os.getpid(), os.environ["KILL_ONCE"], facts)


def _unpack(parent: int, marker: str, facts: tuple) -> Events:
    if os.getpid() != parent and not os.path.exists(marker):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Events(*facts)


def test_a_killed_worker_costs_time_not_results(
    file: EventFile, events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILL_ONCE", str(tmp_path / "killed"))
    chunks = file.chunks

    def deadly(n_samples: int) -> Iterator[Events]:
        for number, chunk in enumerate(chunks(n_samples)):
            yield KillsItsWorkerOnce(**vars(chunk)) if number == 2 else chunk

    monkeypatch.setattr(file, "chunks", deadly)
    parts = run_whole(file, jobs=2)
    assert (tmp_path / "killed").exists()
    assert_whole(parts, events)


def test_workers_that_always_die_are_an_error(file: EventFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_run_kept", partial(_die, os.getpid()))
    with pytest.raises(LapilliError, match="worker processes died 4 times"):
        run_whole(file, jobs=2)


def _die(parent: int, *arguments: object, **options: object) -> None:
    # Never the process of the tests: what is left of this work may reach another executor.
    if os.getpid() == parent:
        raise RuntimeError("work of a test that is over")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_cluster_gives_the_same(file: EventFile, events: Events) -> None:
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=2, **options) as cluster:
        parts = run_whole(file, scheduler=cluster.scheduler_address, jobs=2)
    assert_whole(parts, events)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs: must be at least 1, got 0"),
        ({"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}, "no Dask scheduler answers at tcp://127.0.0.1:1"),
        ({"jobs": 2, "scheduler": "nonsense://"}, "no Dask scheduler answers at nonsense://"),
    ],
)
def test_wrong_arguments_are_named(
    file: EventFile, monkeypatch: pytest.MonkeyPatch, options: dict, message: str
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with pytest.raises(LapilliError, match=message):
        run_whole(file, **options)


def test_a_client_that_found_no_scheduler_does_not_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    # As of one that answers, and is gone when the client comes.
    monkeypatch.setattr(cluster, "_greeted", lambda dask, scheduler: asyncio.sleep(0))
    gc.collect()

    def clients() -> set[int]:
        # Not `isinstance`, which asks every object for its class, and some of torch's warn then.
        return {id(found) for found in gc.get_objects() if type(found) is distributed.Client}

    before = clients()
    with pytest.raises(LapilliError, match="no Dask scheduler answers"), cluster.on_cluster("tcp://127.0.0.1:1"):
        raise AssertionError("work")
    assert clients() <= before
    assert gc.isenabled()


GOES_AWAY = """
import distributed

from lapilli.netx_exports import LapilliError
from lapilli.simulators import cluster


def work(address, error):
    with cluster.on_cluster(address):
        if error is None:
            raise ValueError("ours")
        distributed.default_client().close()
        raise error


with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as local:
    for error in (None, ValueError("no client"), TimeoutError("no answer"), OSError("gone")):
        try:
            work(local.scheduler_address, error)
        except (LapilliError, ValueError) as said:
            print(type(said).__name__, str(said).replace(local.scheduler_address, "HERE"))
"""


@pytest.mark.slow
def test_a_cluster_that_goes_away_is_one_sentence() -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    # In a process of its own: Dask's threads and what other tests left to them stay apart.
    done = subprocess.run([sys.executable, "-c", GOES_AWAY], capture_output=True, text=True, check=False)
    away = "LapilliError the Dask cluster at HERE went away during the work"
    first, *rest = done.stdout.splitlines()
    assert first == "ValueError ours"
    assert [line.partition(" (")[0] for line in rest] == [away] * 3
    assert (done.returncode, done.stderr) == (0, "")


def test_a_cluster_without_workers_is_named() -> None:
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    said = r"^the Dask scheduler at .* has no workers; start some with `dask worker`"
    local = distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0")
    with local, pytest.raises(LapilliError, match=said), cluster.on_cluster(local.scheduler_address):
        raise AssertionError("work")


WORKERS_DIE = """
import os, signal, subprocess, sys

import distributed
import numpy as np

from lapilli.netx_exports import LapilliError, load
from lapilli.simulators import Events, cluster, many


def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)


many._run_kept = die
cluster.ALONE_S = 2
events = Events.from_dense(np.zeros((100, 20, 5), bool))
with distributed.LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=":0") as local:
    address = local.scheduler_address
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
    worker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    with distributed.Client(address) as client:
        client.wait_for_workers(1, timeout=120)
    try:
        list(many.run_parts(load(sys.argv[1]), many.parts_of(events), scheduler=address))
    except LapilliError as said:
        print(str(said).replace(address, "HERE"))
    print(worker.wait(60))
"""


@pytest.mark.slow
def test_work_ends_where_the_last_worker_of_a_cluster_died(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    save(network(), tmp_path / "net.net")
    code = [sys.executable, "-c", WORKERS_DIE, str(tmp_path / "net.net")]
    done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=600)
    said = "the Dask scheduler at HERE has had no workers for 2 seconds; start some with `dask worker`"
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, [said, "-9"], "")
