"""One entry to the losses of all methods, which looks at the shapes first."""

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.methods.logits import Tensor, check
from lapilli.training.methods.method import LossInput, Method


def method_loss(
    config: Method,
    logits: Tensor,
    labels: Tensor,
    epoch: int,
    max_epochs: int,
    generator: torch.Generator | None = None,
    valid: Tensor | None = None,
    teacher_logits: Tensor | None = None,
    teacher_valid: Tensor | None = None,
) -> Tensor:
    """Loss of a batch, a scalar.

    Arguments:
        config: the method and its options.
        logits, labels, epoch, max_epochs, generator, valid, teacher_valid: as of `LossInput`.
        teacher_logits: (samples, classes, steps of the teacher), where the method needs a teacher.

    Raises:
        LapilliError: for shapes that do not fit, or a teacher that is missing or not asked for.
    """
    check(logits, labels, valid)
    if config.needs_teacher:
        _check_teacher(config, logits, labels, teacher_logits, teacher_valid)
    elif teacher_logits is not None:
        raise LapilliError(f"teacher_logits: method {config.name!r} has no teacher")
    return config.loss(LossInput(logits, labels, epoch, max_epochs, generator, valid, teacher_logits, teacher_valid))


def _check_teacher(
    config: Method, logits: Tensor, labels: Tensor, teacher_logits: Tensor | None, teacher_valid: Tensor | None
) -> None:
    if teacher_logits is None:
        raise LapilliError(f"teacher_logits: method {config.name!r} needs those of a teacher")
    check(teacher_logits, labels, teacher_valid, "teacher_logits")
    if teacher_logits.shape[1] != logits.shape[1]:
        raise LapilliError(
            f"teacher_logits: need the student's {logits.shape[1]} classes, got {teacher_logits.shape[1]}"
        )
