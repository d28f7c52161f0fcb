"""On which devices lapilli's kernels run."""

import torch

GPU = "cuda"


def on_gpu(values: torch.Tensor) -> bool:
    """Whether it is for the kernels of a GPU."""
    return values.device.type == GPU
