"""The fused kernels that `lapilli.training.blocks` train on; `Bias` is the part of a neuron that is not SLAYER's."""

from lapilli.training.fused.bias import Bias

__all__ = ["Bias"]


def __dir__() -> list[str]:
    return sorted(__all__)
