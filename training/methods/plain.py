"""The controls without a teacher: cross-entropy of one score for each class."""

from dataclasses import dataclass
from typing import Literal

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import Share
from lapilli.training.methods.logits import Tensor, label_loss, mean_logits, softmax_sum
from lapilli.training.methods.method import LossInput, Method


@configuration("method")
@dataclass(frozen=True)
class PlainConfig(Method):
    """Cross-entropy of the mean of the logits over the steps."""

    name: Literal["plain"] = "plain"
    """The method: "plain"."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes, 0…1."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `plain_loss`."""
        return plain_loss(self, batch.logits, batch.labels, batch.valid)


@configuration("method")
@dataclass(frozen=True)
class SoftmaxSumConfig(Method):
    """Cross-entropy of the summed softmax of the steps, used as logits: SpikeSCR's loss before any distillation."""

    name: Literal["softmax_sum"] = "softmax_sum"
    """The method: "softmax_sum"."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes, 0…1."""

    padding: Literal["summed", "masked"] = "summed"
    """Whether steps that are not valid are summed too, as in the released code, or left out."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `softmax_sum_loss`."""
        return softmax_sum_loss(self, batch.logits, batch.labels, batch.valid)


def plain_loss(config: PlainConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """CE(mean over t of z[t], y).

    Arguments:
        config: label smoothing.
        logits: (samples, classes, steps).
        labels: (samples,).
        valid: (samples, steps), bool; None: all.
    """
    return label_loss(mean_logits(logits, valid), labels, config.label_smoothing)


def softmax_sum_loss(config: SoftmaxSumConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """CE(sum over t of softmax(z[t]), y): a softmax inside of another, as in the released code.

    Source: SpikeSCR (arXiv 2412.12858), repository JackieWang9811/SpikeSCR, commit 095f418f, base training.

    Arguments:
        config: label smoothing, and whether padding counts.
        logits: (samples, classes, steps).
        labels: (samples,).
        valid: (samples, steps), bool; None: all.
    """
    summed = softmax_sum(logits, valid if config.padding == "masked" else None)
    return label_loss(summed, labels, config.label_smoothing)
