"""`lapilli bench simulate`: speed and memory beside Lava and others, outputs compared first; a file for each part."""

from lapilli.simulators.bench.measuring import Row, Sizes, Watch
from lapilli.simulators.bench.networks import recurrent_network
from lapilli.simulators.bench.parts import PARTS, bench_part, known

__all__ = ["PARTS", "Row", "Sizes", "Watch", "bench_part", "known", "recurrent_network"]


def __dir__() -> list[str]:
    return sorted(__all__)
