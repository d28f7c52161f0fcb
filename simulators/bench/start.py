"""Part `start`: seconds from the start of a fresh process to its first step, kernels compiled before or not."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.netx.writer import save
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_most
from lapilli.simulators.bench.networks import recurrent_network

BAR = 1.0
"""Seconds, kernels compiled before."""

N_HIDDEN = 256

_FIRST_STEP = """
import sys, time
from lapilli.netx_exports.netx.reader import load
from lapilli.simulators.stream import Simulator
Simulator(load(sys.argv[1])).step([0])
print(time.time())
"""


def bench_start(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for the first start, which compiles the kernels into an empty cache, and for the starts after it.

    Raises:
        LapilliError: when a process fails.
    """
    with tempfile.TemporaryDirectory(prefix="lapilli-bench-") as folder:
        path = Path(folder) / "model.net"
        save(recurrent_network(N_HIDDEN, sizes.seed), path)
        watch.note("starting a process that compiles the kernels")
        first = seconds_to_first_step(path, folder)
        watch.note("starting processes that find them compiled")
        with watch.bar("starts", sizes.repeats) as advance:
            later = []
            for _ in range(sizes.repeats):
                later.append(seconds_to_first_step(path, folder))
                advance(1)
    case = ("start", f"700-{N_HIDDEN}r-20")
    rows = [
        Row(*case, what, 1, 1, 1, "s", values, remark=remark)
        for what, values, remark in (
            ("first start", (first,), "an empty folder of compiled kernels"),
            ("second start", tuple(later), "interpreter, imports, network file, kernels read from disk, one step"),
        )
    ]
    judged: dict[str, Any] = at_most(rows[1].median, BAR)
    return [rows[0], Row(**{**vars(rows[1]), **judged})]


def seconds_to_first_step(network: PathLike, kernels: PathLike) -> float:
    """From the start of a process to the end of the first step of a stream.

    Arguments:
        network: file.
        kernels: folder where compiled kernels are kept and sought.
    """
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_STEP, str(network)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(kernels)},
    )
    if done.returncode:
        raise LapilliError(f"bench: a process that makes one step failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(done.stdout) - started
