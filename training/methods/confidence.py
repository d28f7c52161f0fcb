"""Strong2Weak and Weak2Strong: the most confident step teaches the least confident one, or the other way round.

Source: Ding et al., "Synergy Between the Strong and the Weak: SNNs are Inherently Self-Distillers" (NeurIPS 2025), as
the notes on TKS describe it: confidence is the largest softmax, averaged over the batch; KL divergence with weight 1.
Its temperature, 1, and the detached teacher are our reading.
"""

from dataclasses import dataclass
from typing import Literal

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, AtLeastZero, Share
from lapilli.training.methods.logits import Tensor, counted_steps, divergence, label_loss, mean_logits
from lapilli.training.methods.method import LossInput, Method


@configuration("method")
@dataclass(frozen=True)
class ConfidenceConfig(Method):
    """Cross-entropy of the mean of the logits, and the divergence between the most and the least confident step."""

    name: Literal["confidence"] = "confidence"
    """The method: "confidence"."""

    direction: Literal["strong_to_weak", "weak_to_strong"] = "strong_to_weak"
    """Which of the two steps teaches the other."""

    weight: AtLeastZero = 1.0
    """Factor on the divergence."""

    temperature: AboveZero = 1.0
    """Of teacher and student."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes, 0…1."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `confidence_loss`."""
        return confidence_loss(self, batch.logits, batch.labels, batch.valid)


def confidence_loss(config: ConfidenceConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """CE(mean over t of z[t], y) + weight T² KL(softmax(teacher / T), detached || softmax(student / T)).

    Arguments:
        config: direction, weight and temperature T.
        logits: (samples, classes, steps).
        labels: (samples,).
        valid: (samples, steps), bool; None: all. Only steps that are valid in every sample teach and learn, for the two
            steps are the same for the whole batch; without any, nothing is taught.
    """
    of_label = label_loss(mean_logits(logits, valid), labels, config.label_smoothing)
    common = counted_steps(logits, valid).bool().all(0).nonzero()[:, 0]
    if not len(common):
        return of_label
    confidence = logits.detach().softmax(1).amax(1).mean(0)[common]
    strong, weak = common[confidence.argmax()], common[confidence.argmin()]
    teacher, student = (strong, weak) if config.direction == "strong_to_weak" else (weak, strong)
    taught = divergence(logits[..., teacher].detach(), logits[..., student], config.temperature).mean()
    return of_label + config.weight * config.temperature**2 * taught
