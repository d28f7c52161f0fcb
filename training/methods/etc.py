"""ETC: every step learns from every other step.

Source: repository Brain-Cog-Lab/ETC (arXiv 2305.14174), commit dc184e3, as the notes on TKS describe it: KL divergence
of all ordered pairs of steps at temperature 4, the teacher of each pair detached, times the squared temperature,
averaged over the N (N - 1) pairs and added to CE(mean of the logits).
"""

from dataclasses import dataclass
from typing import Literal

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, AtLeastZero, Share
from lapilli.training.methods.logits import Tensor, counted_steps, label_loss, mean_logits
from lapilli.training.methods.method import LossInput, Method


@configuration("method")
@dataclass(frozen=True)
class EtcConfig(Method):
    """Cross-entropy of the mean of the logits, and the divergence between all pairs of steps."""

    name: Literal["etc"] = "etc"
    """The method: "etc"."""

    temperature: AboveZero = 4.0
    """Of teacher and student."""

    weight: AtLeastZero = 1.0
    """Factor on the divergence."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes, 0…1."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `etc_loss`."""
        return etc_loss(self, batch.logits, batch.labels, batch.valid)


def etc_loss(config: EtcConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """CE(mean over t of z[t], y) + weight T² mean over pairs i ≠ j of KL(q_i || p_j), q_i detached.

    Arguments:
        config: temperature T and weight.
        logits: (samples, classes, steps).
        labels: (samples,).
        valid: (samples, steps), bool; None: all. Pairs are of valid steps; a sample with one step has none.
    """
    pairs = config.temperature**2 * pairwise_divergence(logits / config.temperature, valid).mean()
    return label_loss(mean_logits(logits, valid), labels, config.label_smoothing) + config.weight * pairs


def pairwise_divergence(logits: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over the ordered pairs i ≠ j of valid steps of KL(softmax z_i, detached || softmax z_j), (samples,).

    With q = softmax and l = log softmax, the sum over all pairs is sum_ij q_i · (log q_i - l_j), which is
    N sum_i q_i · log q_i - (sum_i q_i) · (sum_j l_j): no tensor of pairs is needed. The pairs i = j in it are 0, and so
    are their gradients, p_i - q_i.

    Arguments:
        logits: (samples, classes, steps).
        valid: (samples, steps), bool; None: all.
    """
    counted = counted_steps(logits, valid)
    n_steps = counted.sum(1)
    log_students = logits.log_softmax(1)
    log_teachers = log_students.detach()
    teachers = log_teachers.exp() * counted[:, None]
    negative_entropy = (teachers * log_teachers).sum((1, 2))
    crossed = (teachers.sum(2) * (log_students * counted[:, None]).sum(2)).sum(1)
    return (n_steps * negative_entropy - crossed) / (n_steps * (n_steps - 1)).clamp(min=1)
