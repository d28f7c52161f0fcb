"""What a data set is to this package: files, choices, and a function that turns recordings into steps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.hearing import Ear

PartName = Literal["train", "validation", "test"]

PARTS: tuple[PartName, ...] = ("train", "validation", "test")
"""Parts; their places in this tuple stand for them in arrays."""

TRAIN, VALIDATION, TEST = range(3)
NO_PART = -1

IntArray = npt.NDArray[np.integer[Any]]


class DataError(FormatError):
    """A file of a data set that does not hold what it should."""


@dataclass(frozen=True, eq=False)
class Framed:
    """A data set as steps, about to be read.

    Arguments:
        shape: of the input.
        n_steps: of every sample.
        step_ms: width of a step; None where steps have no duration, as in images.
        labels, groups, lengths: of each sample, as in `Samples`.
        parts: official part of each sample, `NO_PART` where there is none.
        value_type: numpy's name of the type that holds what graded spikes carry; None where every event is one spike.
        blocks: the samples in their order, some at a time. They must not depend on anything but the files and the
            framing. `lengths` and `parts` may be filled while they are read.
        classes: names of the classes, where only the files tell.
    """

    shape: tuple[int, ...]
    n_steps: int
    step_ms: float | None
    labels: IntArray
    groups: IntArray
    lengths: IntArray
    parts: IntArray
    value_type: str | None
    blocks: Iterator[Events]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of each sample when parts are made.

    Arguments:
        labels, groups, parts, classes: as in `Framed`.
    """

    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    parts: npt.NDArray[np.int64]
    classes: tuple[str, ...] = ()


Division = tuple[npt.NDArray[np.int64], tuple[str, ...]]
"""Part of each sample, and the classes; labels of samples in parts are below their number."""


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Arguments:
        name: what users call it.
        title: what it holds, in a few words.
        licence: under which it is published, or "none stated".
        origin: where to get the files.
        files: that it needs; paths within one of the `search_folders`.
        framing: fields of `Framing` that it takes.
        frame: from the files' paths and a framing.
        divide: samples into parts and classes.
        split: fields of `Split` that it takes.
        content: what is in which part by default, in a few words.
        ear: for a framing, what hears sound as it comes; None where that cannot be done.
        unheard: why not, in words that follow the name of the set.
        modules: that its data come with, in place of files.
        fetch: downloads the files to a folder and unpacks them; None where nobody offers them for download, or nobody
            knows their checksum.
    """

    name: str
    title: str
    licence: str
    origin: str
    files: tuple[str, ...]
    content: str
    framing: tuple[str, ...]
    frame: Callable[[Sequence[Path], Framing], Framed] = field(repr=False)
    divide: Callable[[Facts, Split], Division] = field(repr=False)
    split: tuple[str, ...] = ()
    ear: Callable[[Framing], Ear] | None = field(default=None, repr=False)
    unheard: str = "holds no sound"
    modules: tuple[str, ...] = ()
    fetch: Callable[[Path], None] | None = field(default=None, repr=False)


def hold_out(name: str, facts: Facts, split: Split, validation: Sequence[int] | None = None) -> npt.NDArray[np.int64]:
    """Official parts, changed as `split` asks for: what is in none of the groups held out is for training.

    Arguments:
        name: of the data set, for errors.
        facts: of its samples.
        split: groups held out.
        validation: groups for validation if `split` names none; None for the official validation part.

    Returns:
        Part of each sample.

    Raises:
        LapilliError: for groups that the data set does not have or that would be in two parts, and when nothing would
            be left to train on.
    """
    chosen = validation if split.validation_groups is None else split.validation_groups
    parts = facts.parts.copy()
    for part, groups in ((TEST, split.test_groups), (VALIDATION, chosen)):
        if groups is None:
            continue
        _check_groups(name, facts, groups)
        parts[parts == part] = TRAIN
        held = np.isin(facts.groups, groups) & (parts != NO_PART)
        if part == VALIDATION and np.any(held & (parts == TEST)):
            both = facts.groups[held & (parts == TEST)][0]
            raise LapilliError(f"split: group {both} of data set {name} would be in the test and the validation part")
        parts[held] = part
    if not np.any(parts == TRAIN):
        raise LapilliError(f"split: nothing of data set {name} would be left to train on")
    return parts


def _check_groups(name: str, facts: Facts, groups: Sequence[int]) -> None:
    known = np.unique(facts.groups[facts.groups >= 0])
    if unknown := sorted(set(groups) - set(known.tolist())):
        there = ", ".join(map(str, known)) if len(known) <= 40 else f"{known[0]}…{known[-1]}"
        raise LapilliError(f"split: data set {name} has no group {unknown[0]}; groups are {there}")


def every_nth(facts: Facts, nth: int) -> npt.NDArray[np.int64]:
    """Official parts, with every `nth` training sample of each class, in the set's order, moved to validation."""
    parts = facts.parts.copy()
    for label in np.unique(facts.labels):
        of_class = np.flatnonzero((facts.labels == label) & (facts.parts == TRAIN))
        parts[of_class[nth - 1 :: nth]] = VALIDATION
    return parts
