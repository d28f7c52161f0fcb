"""Whether torch rounds products on the CPU by itself."""

import torch

_ASKS_BY_DEVICE = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4)
"""torch 2.3 has a function of its own for the CPU, of which later ones warn."""


def autocast_on_cpu() -> bool:
    """Whether autocast is on for the CPU."""
    return torch.is_autocast_enabled("cpu") if _ASKS_BY_DEVICE else torch.is_autocast_cpu_enabled()
