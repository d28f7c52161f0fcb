"""Schedulers of Dask that say nothing: the wait has an end, and one sentence says whom it was for."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators import cluster


def test_a_scheduler_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    monkeypatch.setattr(cluster, "CONNECT_S", 1)

    def ask(address: str) -> None:
        said = f"^no Dask scheduler answers at {address} \\(within 1 seconds\\)$"
        with pytest.raises(LapilliError, match=said), cluster.on_cluster(address):
            raise AssertionError("work")

    async def ask_in_a_notebook(address: str) -> None:
        ask(address)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        ask(address)
        asyncio.run(ask_in_a_notebook(address))


STOPS = """
import os, signal, subprocess, sys, threading, time

from lapilli.netx_exports import LapilliError
from lapilli.simulators import cluster

address = sys.argv[1]
scheduler = int(sys.argv[2])
cluster.CONNECT_S = 60
try:
    with cluster.on_cluster(address) as found:
        cluster.ANSWER_S = cluster.CONNECT_S = 2
        os.kill(scheduler, signal.SIGSTOP)
        found.wait_for(lambda: time.sleep(300))
except LapilliError as said:
    print(str(said).replace(address, "HERE"))
"""


@pytest.mark.slow
def test_a_scheduler_that_stops_in_the_middle_is_named(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    place = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    options = ["--no-dashboard", "--no-jupyter", "--scheduler-file", str(place)]
    with subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL) as scheduler:
        worker = None
        try:
            while not place.exists() or not place.read_text(encoding="utf-8"):
                assert scheduler.poll() is None
                time.sleep(0.1)
            address = json.loads(place.read_text(encoding="utf-8"))["address"]
            program = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
            worker = subprocess.Popen(program, stderr=subprocess.DEVNULL)
            with distributed_client(address) as client:
                client.wait_for_workers(1, timeout=300)
            code = [sys.executable, "-c", STOPS, address, str(scheduler.pid)]
            done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=600)
        finally:
            for process in (worker, scheduler):
                if process is not None:
                    process.kill()
                    process.wait()
    said = "the Dask scheduler at HERE has not answered for 2 seconds"
    assert (done.returncode, done.stdout.splitlines()) == (0, [said]), done.stderr


def distributed_client(address: str) -> Any:
    import distributed

    return distributed.Client(address)
