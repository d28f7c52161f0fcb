"""What trains a network: the rule or a control, by its configuration."""

from lapilli.training.stllr.config import MethodConfig, RuleConfig
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.unrolled import UnrolledLearner


def learner_of(network: OnlineNetwork, method: MethodConfig, n_steps: int) -> OnlineLearner | UnrolledLearner:
    """What trains a network by a method.

    Raises:
        LapilliError: listing every value out of its range.
    """
    if isinstance(method, RuleConfig):
        return OnlineLearner(network, method, n_steps)
    return UnrolledLearner(network, method, n_steps)
