"""Typed values out of a group of a file, with one problem for each that is missing, out of range or unknown."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, frozen_integers
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.hdf5.tree import Group, Values

_INT64 = (-(1 << 62), 1 << 62)


@dataclass(frozen=True)
class Fields:
    """A group and where to report its problems."""

    group: Group
    problems: Problems

    def has(self, name: str) -> bool:
        """Whether the group has a child of this name that says something, readable or not."""
        return name in self.group.names()

    def word(self, name: str) -> str | None:
        """The string `name`, or None after reporting why not."""
        value = self.group.datasets.get(name)
        if isinstance(value, bytes):
            try:
                return value.rstrip(b"\0").decode("utf-8")
            except UnicodeDecodeError:
                self.wrong(name, "must be text in UTF-8")
                return None
        self._explain(name, "one string")
        return None

    def integers(
        self,
        name: str,
        *,
        low: int = _INT64[0],
        high: int = _INT64[1],
        dtype: npt.DTypeLike = np.int64,
        ndim: Collection[int] | None = None,
    ) -> IntArray | None:
        """The whole numbers `name` in `low`…`high`, or None after reporting why not."""
        value = self.group.datasets.get(name)
        if not isinstance(value, np.ndarray):
            self._explain(name, "numbers")
            return None
        if not value.size or (ndim is not None and value.ndim not in ndim):
            dimensions = f" with {' or '.join(map(str, ndim))} dimensions" if ndim is not None else ""
            self.wrong(name, f"must be numbers{dimensions}, got shape {value.shape}")
            return None
        before = len(self.problems.wrong)
        numbers = frozen_integers(
            value, low=low, high=high, dtype=dtype, where=self.group.at(name), problems=self.problems.wrong
        )
        return None if len(self.problems.wrong) > before else numbers

    def integer(self, name: str, *, low: int = _INT64[0], high: int = _INT64[1]) -> int | None:
        """The one whole number `name` (of any shape with one entry), or None after reporting why not."""
        numbers = self.integers(name, low=low, high=high)
        if numbers is None:
            return None
        if numbers.size != 1:
            self.wrong(name, f"must be one number, got shape {numbers.shape}")
            return None
        return int(numbers.reshape(()))

    def shape(self, name: str = "shape") -> tuple[int, ...] | None:
        """The positive sizes `name`, or None after reporting why not."""
        sizes = self.integers(name, low=1, high=1 << 31, ndim=(1,))
        return None if sizes is None else tuple(int(size) for size in sizes)

    def child(self, name: str) -> "Fields | None":
        """The group `name`, or None after reporting why not."""
        if name in self.group.groups:
            return Fields(self.group.groups[name], self.problems)
        self._explain(name, "a group")
        return None

    def wrong(self, name: str, problem: str) -> None:
        """Report a problem of the child `name`."""
        self.problems.wrong.append(f"{self.group.at(name)}: {problem}")

    def remark(self, name: str, text: str) -> None:
        """Report a contradiction that changes nothing of what is read."""
        self.problems.remarks.append(f"{self.group.at(name)}: {text}")

    def unsupported(self, name: str, reason: str) -> None:
        """Report that the child `name` is valid but cannot be expressed."""
        self.problems.unsupported.append(f"{self.group.at(name)}: {reason}")

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Report every child whose meaning is unknown: it might change what runs."""
        for name in sorted(self.group.names() - self.group.unreadable - set(known)):
            self.wrong(name, "unknown here, and might change what runs")

    def _explain(self, name: str, expected: str) -> None:
        if name in self.group.unreadable:
            return
        if name in self.group.groups:
            self.wrong(name, f"must be {expected}, got a group")
        elif name in self.group.datasets:
            value = self.group.datasets[name]
            self.wrong(name, f"must be {expected}, got {_described(value)}")
        else:
            found = "is empty" if name in self.group.empty else "missing"
            self.problems.wrong.append(f"{self.group.at(name)}: {found}")


def _described(value: Values | bytes) -> str:
    if isinstance(value, bytes):
        return "a string"
    return f"shape {value.shape}" if value.dtype.kind == "S" else f"{value.dtype} of shape {value.shape}"
