"""The geometry of Lava's convolutions, kept in 8 bits, in which numpy 2 adds and multiplies it: 100 + 100 is then -56.

numpy 1 widened such numbers beside a Python integer. Here they become Python integers before Lava computes with them.
"""

import functools
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.remedies.loader import WrappedLoader


def remedied(spec: ModuleSpec) -> ModuleSpec:
    """The spec with a loader after which the function of convolutions widens its geometry; the same for numpy 1."""
    if int(np.__version__.partition(".")[0]) >= 2 and spec.loader is not None:
        spec.loader = _WideLoader(spec.loader)
    return spec


class _WideLoader(WrappedLoader):
    """Replaces `conv`, which the models of convolutions call."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute it, and put a function that widens in the place of `conv`."""
        super().exec_module(module)
        narrow = module.conv

        @functools.wraps(narrow)
        def conv(input_: Any, weight: Any, *geometry: Any, **named: Any) -> Any:
            wide = {name: _widened(value) for name, value in named.items()}
            return narrow(input_, weight, *map(_widened, geometry), **wide)

        module.__dict__["conv"] = conv


def _widened(value: npt.ArrayLike) -> Any:
    """Python integers."""
    return np.asarray(value).astype(np.int64).tolist()
