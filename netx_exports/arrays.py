"""Integer arrays that never change: conversion with a range check, frozen storage, digests."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]


class Checked:
    """A part of a network: what its constructor finds wrong is kept until the network asks for all problems."""

    _found: tuple[str, ...] = ()

    counters: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What is counted of it beside updates, events and operations, in every backend (`Counts.named`): name, and what
    one of it is."""


def frozen_integers(
    value: npt.ArrayLike, *, low: int, high: int, dtype: npt.DTypeLike, where: str, problems: list[str]
) -> IntArray:
    """Read-only integer copy of `value`, or a problem appended for what is not a whole number in `low`…`high`.

    What is such a copy already is not copied again: parts that are made of each other share their arrays.

    Arguments:
        value: numbers of any shape and type; floating-point numbers are accepted when they are whole.
        low, high: the inclusive range.
        dtype: type of the result.
        where: how the problem names the array.
        problems: receives at most one phrase; the array returned is then zeros of the same shape.
    """
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind not in "biuf":
        problems.append(f"{where}: must be integers, got {array.dtype}")
        return _freeze(np.zeros(array.shape, dtype))
    # Not-a-number fails every comparison, so it lands among the bad entries here.
    with np.errstate(invalid="ignore"):
        good = (array >= low) & (array <= high)
        if array.dtype.kind == "f":
            good &= np.floor(array) == array
    if not good.all():
        place = tuple(int(i) for i in np.argwhere(~good)[0])
        at = f" at {list(place)}" if place else ""
        problems.append(f"{where}: must be whole numbers in {low}…{high}, got {array[place].item()!r}{at}")
        return _freeze(np.zeros(array.shape, dtype))
    if array.ndim and array.dtype == dtype and array.base is None and not array.flags.writeable:
        return np.ascontiguousarray(array)
    return _freeze(array.astype(dtype))


def _freeze(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = np.ascontiguousarray(array) if array.ndim else array.copy()
    array.setflags(write=False)
    return array


def update_digest(digest: "hashlib._Hash", *parts: object) -> None:
    """Feed `parts` (arrays, numbers, strings, tuples, None) to `digest` so that different values never collide."""
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array{part.shape}".encode())
            digest.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        else:
            digest.update(f"{type(part).__name__}:{part!r};".encode())
