"""What the environment asks of numba that lapilli's kernels cannot do: one sentence, and the reference runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, save
from lapilli.simulators import Events


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("NUMBA_NUM_THREADS", "0", "lapilli: numba cannot start: Number of threads specified must be > 0."),
        ("NUMBA_DISABLE_JIT", "1", "lapilli: NUMBA_DISABLE_JIT is set in the environment, and lapilli's kernels need"),
    ],
)
def test_a_variable_is_named(tmp_path: Path, variable: str, value: str, said: str) -> None:
    layer = Layer("out", (2,), CubaLif(10, 0, 0), (DenseSynapse("input", [[2, 4], [6, 8]]),))
    save(Network((2,), (layer,)), tmp_path / "net.net")
    Events.from_dense(np.ones((1, 2, 3), bool)).save(tmp_path / "in.npz")
    words = ["simulate", "net.net", "--input", "in.npz", "--json", "--backend"]
    environment = os.environ | {variable: value}
    for backend, expected in (("fast", 2), ("reference", 0)):
        command = [sys.executable, "-m", "lapilli", *words, backend]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stderr
        if backend == "fast":
            assert done.stderr.startswith(said)
            assert done.stderr.count("\n") == 1
            assert "NUMBA_" in done.stderr
