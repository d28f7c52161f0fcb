"""Rounding at random, as learning engines with few bits do it: on average nothing is lost."""

from dataclasses import dataclass

import torch


def round_at_random_(values: torch.Tensor, step: float, generator: torch.Generator) -> None:
    """Make values multiples of a step, in place: the one below or the one above, the nearer the more probable.

    Arguments:
        values: of any shape.
        step: between two multiples.
        generator: of the random numbers, one for each value.
    """
    draws = torch.rand(values.shape, generator=generator, dtype=values.dtype)
    values.div_(step).add_(draws).floor_().mul_(step)


@dataclass(frozen=True)
class TraceRounding:
    """Traces as whole numbers of a few bits.

    Arguments:
        bits: of the largest number, 2^bits - 1.
        n_steps: of a sample.
        generator: of the random numbers.
    """

    bits: int
    n_steps: int
    generator: torch.Generator

    def apply_(self, trace: torch.Tensor, kept: float, impulse: float) -> None:
        """Round a trace in place; the largest number stands for `impulse` in every step.

        Arguments:
            trace: not below 0.
            kept: share of it that is kept in a step.
            impulse: the largest value that comes in.
        """
        largest = impulse * (self.n_steps if kept == 1 else (1 - kept**self.n_steps) / (1 - kept))
        round_at_random_(trace, largest / (2**self.bits - 1), self.generator)
        trace.clamp_(max=largest)
