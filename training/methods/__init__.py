"""Methods of training, as loss functions of the scores in every step."""

from training.methods.confidence import ConfidenceConfig
from training.methods.etc import EtcConfig
from training.methods.kdcl import DistillationConfig
from training.methods.loss import KdclConfig, MethodConfig, OwnConfig, method_loss, method_problems
from training.methods.plain import PlainConfig, SoftmaxSumConfig
from training.methods.tet import TetConfig
from training.methods.tks import TksConfig

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
