"""TKS, temporal knowledge sharing: the steps that are right teach all steps.

Source: Dong, Zhao, Zeng (arXiv 2304.06540; IEEE TAI 5(7), 2024), in the form of the released code (Brain-Cog-Lab/TKS,
commit 52401db). With z[t] the logits of step t, y the label, T the temperature and e of E the epoch:

    teacher s   = sum of z[t] over the steps t with argmax z[t] = y
    q           = softmax(s / T), which passes gradients on to those z[t]
    L1          = CE(mean over t of z[t], y)
    L2          = T² mean over t of -sum_c q_c log softmax(z[t])_c
    L           = (1 - w) L1 + w L2 with w = alpha e / E

Where no step is right, s is 0 and q uniform. The other selectors and the remaining options are for ablations.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, Count, Share
from lapilli.training.methods.logits import Tensor, counted_steps, label_loss, mean_logits
from lapilli.training.methods.method import LossInput, Method


@configuration("method")
@dataclass(frozen=True)
class TksConfig(Method):
    """The steps that are right teach all steps; the defaults are the published method."""

    name: Literal["tks"] = "tks"
    """The method: "tks"."""

    alpha: Share = 0.7
    """Weight of the teacher, 0…1, at the end of the ramp. The label has the rest."""

    ramp: Literal["linear", "static"] = "linear"
    """Whether that weight grows with the epoch, from 0 in the first to almost alpha in the last, or is alpha always."""

    temperature: AboveZero = 3.0
    """Temperature of the teacher alone. The students' softmax has temperature 1."""

    teacher: Literal["sum", "mean"] = "sum"
    """How the selected steps' logits are put together. A sum is the sharper, the more steps are right."""

    detached: bool = False
    """Whether gradients stop at the teacher."""

    selector: Literal["right", "all", "wrong", "most_confident", "random"] = "right"
    """Steps of a sample that teach. They are those that are right, all, those that are wrong, or the one with the
    largest softmax. Or they are `random_steps` of them, drawn for each sample and batch."""

    random_steps: Count = 1
    """Steps that `selector` "random" draws."""

    nothing_selected: Literal["uniform", "dropped"] = "uniform"
    """Whether a sample of which no step was selected is taught the uniform distribution, or nothing."""

    taught: Literal["all", "from the first right"] = "all"
    """Steps of a sample that are taught. They are all, or those from its first right one on, so that what is not known
    yet is not asked for. A sample without a right step is then taught nothing."""

    step_weights: Literal["equal", "rising"] = "equal"
    """Whether taught steps count alike, or step t of T as t + 1, so that late ones count most."""

    label_smoothing: Share = 0.0
    """Share of the label's target that is spread over all classes, 0…1."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `tks_loss`."""
        return tks_loss(self, batch.logits, batch.labels, batch.epoch, batch.max_epochs, batch.valid, batch.generator)


def tks_loss(
    config: TksConfig,
    logits: Tensor,
    labels: Tensor,
    epoch: int,
    max_epochs: int,
    valid: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """(1 - w) CE(mean over t of z[t], y) + w T² mean over t of CE(z[t], q).

    Arguments:
        config: the method's options.
        logits: (samples, classes, steps).
        labels: (samples,).
        epoch: from 0.
        max_epochs: E, at least 1.
        valid: (samples, steps), bool; None: all. Only valid steps teach and are taught.
        generator: of `selector` "random", on the CPU; torch's own where None.
    """
    weight = sharing_weight(config, epoch, max_epochs)
    of_label = label_loss(mean_logits(logits, valid), labels, config.label_smoothing)
    selected = select_steps(config, logits, labels, valid, generator)
    shares = student_shares(config, logits, labels, valid)
    return (1 - weight) * of_label + weight * sharing_loss(config, logits, selected, shares)


def sharing_weight(config: TksConfig, epoch: int, max_epochs: int) -> float:
    """w: the weight of the sharing loss in an epoch, counted from 0."""
    return config.alpha if config.ramp == "static" else config.alpha * epoch / max_epochs


def select_steps(
    config: TksConfig,
    logits: Tensor,
    labels: Tensor,
    valid: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Which steps of each sample teach, (samples, steps), bool; of equal logits the first is a step's answer."""
    counted = counted_steps(logits, valid).bool()
    if config.selector == "all":
        return counted
    if config.selector == "most_confident":
        return counted & _largest(logits.detach().softmax(1).amax(1), counted, 1)
    if config.selector == "random":
        drawn = torch.rand(counted.shape, generator=generator).to(logits.device)
        return counted & _largest(drawn, counted, config.random_steps)
    right = logits.argmax(1) == labels[:, None]
    return counted & (right if config.selector == "right" else ~right)


def student_shares(config: TksConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """Weight of each step in the mean over a sample's taught steps, (samples, steps); all 0 where none is taught."""
    weights = counted_steps(logits, valid)
    if config.taught == "from the first right":
        right = (logits.argmax(1) == labels[:, None]) & weights.bool()
        weights = weights * (right.cumsum(1) > 0)
    if config.step_weights == "rising":
        weights = weights * torch.arange(1, weights.shape[1] + 1, device=weights.device, dtype=weights.dtype)
    return weights / weights.sum(1, keepdim=True).clamp(min=1)


def sharing_loss(config: TksConfig, logits: Tensor, selected: Tensor, shares: Tensor) -> Tensor:
    """L2: T² times the cross-entropy of each step with the teacher; mean over taught steps, then samples.

    Arguments:
        config: the method's options.
        logits: (samples, classes, steps).
        selected: (samples, steps), bool: which steps teach.
        shares: from `student_shares`.
    """
    chosen = selected.to(logits.dtype)
    teacher = (logits * chosen[:, None]).sum(2)
    if config.teacher == "mean":
        teacher = teacher / chosen.sum(1, keepdim=True).clamp(min=1)
    if config.detached:
        teacher = teacher.detach()
    target = (teacher / config.temperature).softmax(1)
    log_students = (logits.log_softmax(1) * shares[:, None]).sum(2)
    taught = -(target * log_students).sum(1)
    if config.nothing_selected == "dropped":
        taught = taught * selected.any(1)
    return config.temperature**2 * taught.mean()


def _largest(scores: Tensor, counted: Tensor, n_steps: int) -> Tensor:
    """Mark the `n_steps` largest scores of each sample, none where fewer steps than that count."""
    masked = scores.masked_fill(~counted, -1)
    places = masked.topk(min(n_steps, scores.shape[1]), dim=1).indices
    return torch.zeros_like(counted).scatter(1, places, True)
