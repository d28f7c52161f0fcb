"""The methods that need nothing but the network's own logits: a new one is a line here."""

from typing import TYPE_CHECKING

from lapilli.simulators.configurations import one_of
from lapilli.training.methods.confidence import ConfidenceConfig
from lapilli.training.methods.etc import EtcConfig
from lapilli.training.methods.method import Method
from lapilli.training.methods.plain import PlainConfig, SoftmaxSumConfig
from lapilli.training.methods.tet import TetConfig
from lapilli.training.methods.tks import TksConfig

OWN_METHODS: tuple[type[Method], ...] = (
    PlainConfig,
    SoftmaxSumConfig,
    TetConfig,
    EtcConfig,
    TksConfig,
    ConfidenceConfig,
)

if TYPE_CHECKING:
    OwnMethod = Method
else:
    OwnMethod = one_of(OWN_METHODS, Method)
    """One of `OWN_METHODS` by its name in a file, or any object of a method in code."""
