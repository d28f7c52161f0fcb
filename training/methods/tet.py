"""TET, temporal efficient training: every step is asked for the class by itself.

Source: Deng, Li, Zhang, Gu, "Temporal Efficient Training of Spiking Neural Network via Gradient Re-weighting" (ICLR
2022, arXiv 2202.11946): L = (1 - lambda) L_TET + lambda L_MSE. Lambda and the constant that all outputs are drawn to
have the defaults of the released DVS-CIFAR10 training (`lamb` 1e-3, `means` 1.0), as public copies of that code have
them.
"""

from dataclasses import dataclass
from typing import Literal

from torch.nn.functional import cross_entropy

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import Share
from lapilli.training.methods.logits import Tensor, mean_over_steps
from lapilli.training.methods.method import LossInput, Method


@configuration("method")
@dataclass(frozen=True)
class TetConfig(Method):
    """Mean over the steps of each step's cross-entropy, and a pull of the logits to a constant."""

    name: Literal["tet"] = "tet"
    """The method: "tet"."""

    regularisation: Share = 1e-3
    """Lambda, 0…1, the weight of the mean squared distance to `target`. The cross-entropy has weight 1 - lambda."""

    target: float = 1.0
    """The constant, in logits."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes, 0…1."""

    def loss(self, batch: LossInput) -> Tensor:
        """See `tet_loss`."""
        return tet_loss(self, batch.logits, batch.labels, batch.valid)


def tet_loss(config: TetConfig, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """(1 - lambda) mean over t of CE(z[t], y) + lambda mean over t and c of (z[t, c] - target)².

    Arguments:
        config: lambda and target.
        logits: (samples, classes, steps).
        labels: (samples,).
        valid: (samples, steps), bool; None: all.
    """
    targets = labels[:, None].expand(-1, logits.shape[2])
    of_steps = cross_entropy(logits, targets, label_smoothing=config.label_smoothing, reduction="none")
    distances = (logits - config.target).square().mean(1)
    per_step = (1 - config.regularisation) * of_steps + config.regularisation * distances
    return mean_over_steps(per_step, logits, valid)
