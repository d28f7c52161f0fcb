"""Peak memory of a training step, in a process of its own.

`python -m lapilli.training.bench.memory NAME KIND BATCH STEPS DENSITY`

Linux only: the kernel's own record of the peak (VmHWM), set back before the step, less what is resident before.
"""

import os
import subprocess
import sys
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.bench.contestants import step_of
from lapilli.training.bench.tasks import Task
from lapilli.training.fused.neurons import CHECKPOINT_VARIABLE

LIMIT_S = 600


def peak_mebibytes(name: str, task: Task, checkpoint_steps: int = 0) -> float:
    """Peak memory of a step beyond the network and its input, in MiB.

    Arguments:
        name: of the contestant.
        task: what it trains.
        checkpoint_steps: of lapilli's blocks.

    Raises:
        LapilliError: when the process fails or takes more than ten minutes.
    """
    words = [name, task.kind, task.batch, task.n_steps, task.density]
    command = [sys.executable, "-m", "lapilli.training.bench.memory", *map(str, words)]
    environment = os.environ | {CHECKPOINT_VARIABLE: str(checkpoint_steps)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True, env=environment)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LapilliError(f"bench: memory of {name}: {str(error.stderr)[-300:]}") from error
    return float(done.stdout.split()[-1])


def _measure(name: str, kind: str, batch: int, n_steps: int, density: float) -> float:
    # Whatever is loaded and compiled once is not counted.
    step_of(name, Task(kind, 2, 5, 0.05))()
    step = step_of(name, Task(kind, batch, n_steps, density))
    Path("/proc/self/clear_refs").write_text("5")
    before = _kibibytes("VmRSS")
    step()
    return (_kibibytes("VmHWM") - before) / 1024


def _kibibytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    print(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
