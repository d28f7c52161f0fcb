"""Online learning: S-TLLR in Lava's integers, by a fast twin or in Lava Processes, bit for bit the same."""

from lapilli.simulators.learning.config import HiddenRule, LearningConfig, LearningError, ReadoutRule, Term
from lapilli.simulators.learning.learner import Learned, LearningBackend, LearningCounts, LearningState, learn
from lapilli.simulators.learning.online import learn_each
from lapilli.simulators.learning.parts import LearningPart, learning_part

__all__ = [
    "HiddenRule",
    "Learned",
    "LearningBackend",
    "LearningConfig",
    "LearningCounts",
    "LearningError",
    "LearningPart",
    "LearningState",
    "ReadoutRule",
    "Term",
    "learn",
    "learn_each",
    "learning_part",
]


def __dir__() -> list[str]:
    return sorted(__all__)
