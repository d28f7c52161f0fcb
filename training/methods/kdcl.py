"""KDCL: a network of many time steps teaches the same network with fewer.

Source: SpikeSCR with KDCL (arXiv 2412.12858; Neural Networks 195:108253 calls it PTCD), released code
JackieWang9811/SpikeSCR, commit 095f418f, distillation scripts. With m = sum over t of softmax(z[t]) of student S and
frozen teacher T:

    L = CE(m_S, y) + 0.5 tau² KL(softmax(m_T / tau) || softmax(m_S / tau)), tau = 1

Teacher and student see the same recordings in different bins, so their numbers of steps differ.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, AtLeastZero
from lapilli.training.methods.logits import Tensor, divergence, mean_logits, softmax_sum
from lapilli.training.methods.method import LossInput, Method
from lapilli.training.methods.own import OwnMethod
from lapilli.training.methods.plain import SoftmaxSumConfig


@configuration("method.distillation")
@dataclass(frozen=True)
class DistillationConfig:
    """What the student learns from the teacher's scores; the defaults are the published method."""

    weight: AtLeastZero = 0.5
    """Factor on the divergence."""

    temperature: AboveZero = 1.0
    """Tau, of teacher and student."""

    scores: Literal["softmax_sum", "mean_logits"] = "softmax_sum"
    """The scores that are compared. They are the summed softmax of the steps, as published, or the mean of their
    logits. A network that is exported with a readout of summed voltages decides by the latter."""

    padding: Literal["summed", "masked"] = "summed"
    """Whether steps that are not valid count in the scores too, as in the released code, or are left out."""


@configuration("method")
@dataclass(frozen=True)
class KdclConfig(Method):
    """A loss on the student's own logits, and what a teacher adds; the defaults are the published KDCL."""

    needs_teacher: ClassVar[bool] = True

    name: Literal["kdcl"] = "kdcl"
    """The method: "kdcl"."""

    own: OwnMethod | None = None
    """The student's own loss. None is CE(m, y) as published, "softmax_sum". With "tks", curriculum and knowledge
    sharing come together."""

    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """What the teacher adds."""

    @property
    def own_method(self) -> Method:
        """`own`, or the published choice."""
        return SoftmaxSumConfig() if self.own is None else self.own

    def loss(self, batch: LossInput) -> Tensor:
        """The student's own loss and `distillation_loss`."""
        own = self.own_method.loss(batch)
        taught = distillation_loss(
            self.distillation, batch.logits, batch.teacher_logits, batch.valid, batch.teacher_valid
        )
        return own + taught


def distillation_loss(
    config: DistillationConfig,
    logits: Tensor,
    teacher_logits: Tensor,
    valid: Tensor | None = None,
    teacher_valid: Tensor | None = None,
) -> Tensor:
    """Weight tau² KL(softmax(m_T / tau) || softmax(m_S / tau)), summed over the classes, mean over the samples.

    Arguments:
        config: the method's options.
        logits: (samples, classes, steps), of the student.
        teacher_logits: (samples, classes, steps of the teacher), of the same samples; gradients stop there.
        valid: (samples, steps), bool; None: all.
        teacher_valid: (samples, steps of the teacher), bool; None: all.
    """
    of_steps = softmax_sum if config.scores == "softmax_sum" else mean_logits
    masked = config.padding == "masked"
    student = of_steps(logits, valid if masked else None)
    teacher = of_steps(teacher_logits.detach(), teacher_valid if masked else None)
    return config.weight * config.temperature**2 * divergence(teacher, student, config.temperature).mean()
