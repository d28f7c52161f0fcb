"""Whether torch rounds products on the CPU by itself."""

from collections.abc import Callable

import torch

_ASKS_BY_DEVICE = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4)
"""torch 2.3 has a function of its own for the CPU, of which later ones warn."""


def autocast_on_cpu() -> bool:
    """Whether autocast is on for the CPU."""
    # The types are those of 2.3, where it takes no argument.
    asked: Callable[..., bool] = torch.is_autocast_enabled
    return asked("cpu") if _ASKS_BY_DEVICE else torch.is_autocast_cpu_enabled()
