"""Methods of training: configurations, each with its loss of the scores in every step."""

from lapilli.training.methods.confidence import ConfidenceConfig
from lapilli.training.methods.etc import EtcConfig
from lapilli.training.methods.kdcl import DistillationConfig, KdclConfig
from lapilli.training.methods.kinds import METHODS, AnyMethod
from lapilli.training.methods.loss import method_loss
from lapilli.training.methods.method import LossInput, Method
from lapilli.training.methods.own import OWN_METHODS, OwnMethod
from lapilli.training.methods.plain import PlainConfig, SoftmaxSumConfig
from lapilli.training.methods.tet import TetConfig
from lapilli.training.methods.tks import TksConfig

__all__ = [
    "METHODS",
    "OWN_METHODS",
    "AnyMethod",
    "ConfidenceConfig",
    "DistillationConfig",
    "EtcConfig",
    "KdclConfig",
    "LossInput",
    "Method",
    "OwnMethod",
    "PlainConfig",
    "SoftmaxSumConfig",
    "TetConfig",
    "TksConfig",
    "method_loss",
]


def __dir__() -> list[str]:
    return sorted(__all__)
