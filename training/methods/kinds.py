"""All methods of training."""

from typing import TYPE_CHECKING

from lapilli.simulators.configurations import one_of
from lapilli.training.methods.kdcl import KdclConfig
from lapilli.training.methods.method import Method
from lapilli.training.methods.own import OWN_METHODS

METHODS: tuple[type[Method], ...] = (*OWN_METHODS, KdclConfig)

if TYPE_CHECKING:
    AnyMethod = Method
else:
    AnyMethod = one_of(METHODS, Method)
    """One of `METHODS` by its name in a file, or any object of a method in code."""
