"""What a method of training is: a configuration that has its name and its loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.methods.logits import Tensor


@dataclass(frozen=True, eq=False)
class LossInput:
    """What a method sees of a batch.

    Arguments:
        logits: (samples, classes, steps); see `lapilli.training.methods.logits`.
        labels: (samples,), int64.
        epoch: from 0.
        max_epochs: of the training, at least 1.
        generator: of methods that draw at random, on the CPU; torch's own where None.
        valid: (samples, steps), bool; None: all steps count.
        teacher: logits of the teacher, (samples, classes, steps of the teacher); None: there is none.
        teacher_valid: (samples, steps of the teacher), bool; None: all.
    """

    logits: Tensor
    labels: Tensor
    epoch: int
    max_epochs: int
    generator: torch.Generator | None = None
    valid: Tensor | None = None
    teacher: Tensor | None = None
    teacher_valid: Tensor | None = None

    @property
    def teacher_logits(self) -> Tensor:
        """`teacher`, for a method that needs one.

        Raises:
            LapilliError: where there is none.
        """
        if self.teacher is None:
            raise LapilliError("teacher_logits: this batch has none")
        return self.teacher


class Method:
    """Base of all methods: each is a `configuration` in a file of its own, and a line in `own.py` or `kinds.py`."""

    name: str
    """By which files and command lines choose it; a field with this default."""

    needs_teacher: ClassVar[bool] = False
    """Whether it learns from the logits of a finished run, too."""

    def loss(self, batch: LossInput) -> Tensor:
        """A scalar, differentiable with respect to `batch.logits`."""
        raise NotImplementedError(f"{type(self).__name__} has no loss")
