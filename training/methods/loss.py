"""One entry to all methods: the type of the configuration says which."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.methods.confidence import ConfidenceConfig, confidence_loss, confidence_problems
from lapilli.training.methods.etc import EtcConfig, etc_loss, etc_problems
from lapilli.training.methods.kdcl import DistillationConfig, distillation_loss, distillation_problems
from lapilli.training.methods.logits import Tensor, check
from lapilli.training.methods.plain import PlainConfig, SoftmaxSumConfig, plain_loss, plain_problems, softmax_sum_loss
from lapilli.training.methods.tet import TetConfig, tet_loss, tet_problems
from lapilli.training.methods.tks import TksConfig, tks_loss, tks_problems

OwnConfig = PlainConfig | SoftmaxSumConfig | TetConfig | EtcConfig | TksConfig | ConfidenceConfig
"""Methods that need nothing but the network's own logits."""


@dataclass(frozen=True)
class KdclConfig:
    """A loss on the student's own logits, and what a teacher adds; the defaults are the published KDCL."""

    name: Literal["kdcl"] = "kdcl"
    """The method: "kdcl"."""

    own: OwnConfig | None = None
    """The student's own loss; none: CE(m, y) as published, "softmax_sum". With "tks", curriculum and knowledge sharing
    come together."""

    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """What the teacher adds."""

    @property
    def own_method(self) -> OwnConfig:
        """`own`, or the published choice."""
        return SoftmaxSumConfig() if self.own is None else self.own


MethodConfig = OwnConfig | KdclConfig


def method_loss(
    config: MethodConfig,
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
        logits: (samples, classes, steps); see `lapilli.training.methods.logits`.
        labels: (samples,), int64.
        epoch: from 0.
        max_epochs: of the training, at least 1.
        generator: of methods that draw at random, on the CPU; torch's own where None.
        valid: (samples, steps), bool; None: all steps count.
        teacher_logits: (samples, classes, steps of the teacher), for KDCL alone.
        teacher_valid: (samples, steps of the teacher), bool; None: all.

    Raises:
        LapilliError: for shapes that do not fit, or a teacher that is missing or not asked for.
    """
    check(logits, labels, valid)
    if not isinstance(config, KdclConfig):
        if teacher_logits is not None:
            raise LapilliError(f"teacher_logits: method {config.name!r} has no teacher")
        return _own_loss(config, logits, labels, epoch, max_epochs, generator, valid)
    if teacher_logits is None:
        raise LapilliError("teacher_logits: method 'kdcl' needs those of a teacher")
    check(teacher_logits, labels, teacher_valid, "teacher_logits")
    if teacher_logits.shape[1] != logits.shape[1]:
        raise LapilliError(
            f"teacher_logits: need the student's {logits.shape[1]} classes, got {teacher_logits.shape[1]}"
        )
    own = _own_loss(config.own_method, logits, labels, epoch, max_epochs, generator, valid)
    return own + distillation_loss(config.distillation, logits, teacher_logits, valid, teacher_valid)


def method_problems(config: MethodConfig) -> Iterator[str]:
    """Every value out of its range, with its name."""
    match config:
        case PlainConfig() | SoftmaxSumConfig():
            yield from plain_problems(config)
        case TetConfig():
            yield from tet_problems(config)
        case EtcConfig():
            yield from etc_problems(config)
        case TksConfig():
            yield from tks_problems(config)
        case ConfidenceConfig():
            yield from confidence_problems(config)
        case KdclConfig():
            yield from (f"own.{problem}" for problem in method_problems(config.own_method))
            yield from (f"distillation.{problem}" for problem in distillation_problems(config.distillation))


def _own_loss(
    config: OwnConfig,
    logits: Tensor,
    labels: Tensor,
    epoch: int,
    max_epochs: int,
    generator: torch.Generator | None,
    valid: Tensor | None,
) -> Tensor:
    match config:
        case PlainConfig():
            return plain_loss(config, logits, labels, valid)
        case SoftmaxSumConfig():
            return softmax_sum_loss(config, logits, labels, valid)
        case TetConfig():
            return tet_loss(config, logits, labels, valid)
        case EtcConfig():
            return etc_loss(config, logits, labels, valid)
        case TksConfig():
            return tks_loss(config, logits, labels, epoch, max_epochs, valid, generator)
        case ConfidenceConfig():
            return confidence_loss(config, logits, labels, valid)
