"""Scores of the classes in every step, as all methods of training take them.

`logits` are (samples, classes, steps), SLAYER's layout; the papers' z[t, b, c] is `logits[b, c, t]`. They are
real-valued: a gain times the voltage of a readout neuron, or its spikes. `valid`, (samples, steps), bool, marks the
steps that count; None stands for all. Means over steps are taken for each sample over its own valid steps, then over
the samples.

A readout at depth L is silent in the first L steps of a network, whatever the input. Such steps are neither right nor
wrong, and a constant cannot be taught: mark them as not valid, or cut them off.
"""

import torch
from torch.nn.functional import cross_entropy

from lapilli.netx_exports.errors import LapilliError

Tensor = torch.Tensor


def check(logits: Tensor, labels: Tensor, valid: Tensor | None, name: str = "logits") -> None:
    """Refuse shapes that do not fit each other, and samples of which no step counts.

    Arguments:
        logits: (samples, classes, steps).
        labels: (samples,), int64.
        valid: (samples, steps), bool, or None.
        name: of `logits` in messages.

    Raises:
        LapilliError: with what was expected and what was found.
    """
    if logits.ndim != 3 or 0 in logits.shape:
        raise LapilliError(f"{name}: must be (samples, classes, steps), none of them 0, got {tuple(logits.shape)}")
    n_samples, _, n_steps = logits.shape
    if labels.shape != (n_samples,):
        raise LapilliError(f"labels: must be one for each of {n_samples} samples of {name}, got {tuple(labels.shape)}")
    if valid is None:
        return
    if valid.dtype != torch.bool or valid.shape != (n_samples, n_steps):
        raise LapilliError(
            f"valid: must be bool of shape {(n_samples, n_steps)} as {name}, got {valid.dtype} of {tuple(valid.shape)}"
        )
    if not bool(valid.any(1).all()):
        empty = int(torch.nonzero(~valid.any(1))[0])
        raise LapilliError(f"valid: needs at least one step of every sample, sample {empty} of the batch has none")


def counted_steps(logits: Tensor, valid: Tensor | None) -> Tensor:
    """1 for each step that counts, 0 for the others, (samples, steps), in the type of `logits`."""
    if valid is None:
        return logits.new_ones(logits.shape[0], logits.shape[2])
    return valid.to(logits.dtype)


def step_shares(logits: Tensor, valid: Tensor | None) -> Tensor:
    """Weight of each step in a sample's mean over its valid steps, (samples, steps)."""
    counted = counted_steps(logits, valid)
    return counted / counted.sum(1, keepdim=True)


def mean_logits(logits: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over the steps, (samples, classes)."""
    return (logits * step_shares(logits, valid)[:, None]).sum(2)


def softmax_sum(logits: Tensor, valid: Tensor | None = None) -> Tensor:
    """Sum over the steps of the softmax over the classes, (samples, classes): SpikeSCR's score m."""
    return (logits.softmax(1) * counted_steps(logits, valid)[:, None]).sum(2)


def mean_over_steps(per_step: Tensor, logits: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over each sample's valid steps, then over the samples, of `per_step`, (samples, steps)."""
    return (per_step * step_shares(logits, valid)).sum(1).mean()


def label_loss(scores: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropy of scores, (samples, classes), with the labels; mean over the samples."""
    return cross_entropy(scores, labels, label_smoothing=label_smoothing)


def divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """KL(softmax(teacher / temperature) || softmax(student / temperature)), summed over the classes (dimension 1)."""
    log_teacher = (teacher / temperature).log_softmax(1)
    return (log_teacher.exp() * (log_teacher - (student / temperature).log_softmax(1))).sum(1)
