"""`lapilli bench train`: a training step beside SLAYER, snnTorch and SpikingJelly, losses compared first."""

from lapilli.training.bench.parts import PARTS, TrainSizes, bench_train_part, known

__all__ = ["PARTS", "TrainSizes", "bench_train_part", "known"]


def __dir__() -> list[str]:
    return sorted(__all__)
