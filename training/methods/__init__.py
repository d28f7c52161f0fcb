"""Methods of training, as loss functions of the scores in every step."""

from lapilli.training.methods.confidence import ConfidenceConfig
from lapilli.training.methods.etc import EtcConfig
from lapilli.training.methods.kdcl import DistillationConfig
from lapilli.training.methods.loss import KdclConfig, MethodConfig, OwnConfig, method_loss, method_problems
from lapilli.training.methods.plain import PlainConfig, SoftmaxSumConfig
from lapilli.training.methods.tet import TetConfig
from lapilli.training.methods.tks import TksConfig

__all__ = [
    "ConfidenceConfig",
    "DistillationConfig",
    "EtcConfig",
    "KdclConfig",
    "MethodConfig",
    "OwnConfig",
    "PlainConfig",
    "SoftmaxSumConfig",
    "TetConfig",
    "TksConfig",
    "method_loss",
    "method_problems",
]
