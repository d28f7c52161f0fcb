"""The table of rotary positions as integers."""

from functools import lru_cache

import torch

ROTARY_UNIT = 128
"""A cosine of 1, and the threshold of the neurons behind."""

_BASE = 10000.0


@lru_cache(maxsize=16)
def rotary_table(n_steps: int, head: int) -> torch.Tensor:
    """Cosines and sines of each step and pair, rounded to whole numbers; float32, (steps, head / 2, 2).

    The angle of pair q in step t is `t * 10000^(-2q / head)`, as in rotary-embedding-torch 0.8.4.

    Arguments:
        n_steps: of a sample.
        head: channels of a head.
    """
    speeds = _BASE ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
    angles = torch.arange(n_steps, dtype=torch.float64)[:, None] * speeds
    return torch.round(ROTARY_UNIT * torch.stack([angles.cos(), angles.sin()], -1)).float()
