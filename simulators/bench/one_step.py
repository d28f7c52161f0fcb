"""Part `one_step`: images that a network of one time step sees window by window, beside Lava."""

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.one_step import window_schedule_of
from lapilli.simulators.bench.beside_lava import Bout, beside_lava
from lapilli.simulators.bench.measuring import Row, Sizes, Watch
from lapilli.simulators.bench.one_step_network import IMAGES, one_step_bench_network, pictures

LABEL = "one time step, 16-32-64, 4 windows, Ω"


def bench_one_step(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava (one sample) and `fast` (one sample, and a batch), on one core.

    Raises:
        LapilliError: when outputs differ, or Lava is not installed.
    """
    network, events = one_step_bench_network(sizes.seed), pictures(sizes.batch, sizes.seed)
    # Lava takes minutes for a sample.
    bout = Bout("one_step", LABEL, network, n_steps_of(network), lava_runs=1)
    return beside_lava(bout, [events.select([0]), events], sizes, watch)


def n_steps_of(network: Network) -> int:
    """Steps in which all images of a sample are answered."""
    schedule = window_schedule_of(network)
    assert schedule is not None
    return schedule.steps(IMAGES)
