"""The kernels of the device that values lie on: numba's on a CPU, Triton's on a GPU."""

from importlib import import_module
from types import ModuleType

import torch

from lapilli.training.fused.devices import on_gpu
from lapilli.training.networks.spikescr import cpu


def kernels_for(values: torch.Tensor) -> ModuleType:
    """`cpu`, or `gpu.launch`, whose functions have the same names and arguments.

    Triton is imported when values lie on a GPU, because it may not be installed.
    """
    return import_module("lapilli.training.networks.spikescr.gpu.launch") if on_gpu(values) else cpu
