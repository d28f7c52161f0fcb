"""Parameters in groups with learning rates of their own: SLAYER keeps delays in steps and decays in 1/4096."""

from collections.abc import Iterator
from typing import Any

import torch

DECAY_UNITY = 4096


def parameter_groups(
    module: torch.nn.Module, lr: float, *, weight_decay: float = 0.0, delay_lr: float = 30.0, decay_lr: float = 0.1
) -> list[dict[str, Any]]:
    """Groups for an optimiser of torch, such as AdamW, in whose steps a parameter moves by about the learning rate.

    Arguments:
        module: what is trained.
        lr: learning rate of weights.
        weight_decay: of weights; scales, delays, decays and numbers of a whole layer have none.
        delay_lr: learning rate of delays, in steps, over `lr`.
        decay_lr: learning rate of decays, as shares that are lost in a step, over `lr`.

    Returns:
        A group for each kind of parameters that there is, weights first. A schedule has to set `group["lr"]` to
        `group["lr_factor"]` times the learning rate of weights.
    """
    kinds = {
        "weights": (1.0, weight_decay),
        "scales": (1.0, 0.0),
        "delays": (delay_lr, 0.0),
        "decays": (decay_lr * DECAY_UNITY, 0.0),
    }
    named = {kind: list(_of_kind(module, kind)) for kind in kinds}
    return [
        {"params": found, "lr": lr * kinds[kind][0], "lr_factor": kinds[kind][0], "weight_decay": kinds[kind][1]}
        for kind, found in named.items()
        if found
    ]


def _of_kind(module: torch.nn.Module, kind: str) -> Iterator[torch.nn.Parameter]:
    # Those without a gradient too: an optimiser passes over them, and a checkpoint of it stays as it was.
    return (parameter for name, parameter in module.named_parameters() if _kind(name, parameter) == kind)


def _kind(name: str, parameter: torch.nn.Parameter) -> str:
    if not parameter.requires_grad:
        return "weights"
    if name.endswith("delay.delay"):
        return "delays"
    if name.endswith(("norm.scale", "norm.shift", "gain.log_gain", "thresholds", "kept", "starts", "clamp", "clips")):
        return "scales"
    return "decays" if name.endswith(("current_decay", "voltage_decay", "memory_decay")) else "weights"
