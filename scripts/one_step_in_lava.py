"""Random blocks of one time step in Lava and on the reference: `python scripts/one_step_in_lava.py FIRST LAST`.

Compares every event, state and count of the blocks with the seeds FIRST…LAST - 1, and stops at the first difference.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from random_one_step import random_one_step
from run_equality import assert_same_run

from lapilli.simulators import run


def main(first: int, last: int) -> None:
    """Compare, and say how many were equal."""
    started = time.perf_counter()
    for seed in range(first, last):
        case = random_one_step(seed, resets=False)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        runs = [
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record, time_limit_s=600)
            for backend in ("reference", "lava")
        ]
        assert_same_run(*runs)
        print(f"{seed}: equal", flush=True)
    print(f"{last - first} blocks equal in Lava and on the reference, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
