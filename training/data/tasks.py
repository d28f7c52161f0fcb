"""What a recipe trains on: the parts of a data set, how its training samples are changed, and how long they run."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.augmentation import Augment, AugmentConfig, augment
from lapilli.training.data.catalogue import prepared, whole
from lapilli.training.data.config import DataConfig, unguarded
from lapilli.training.data.digits import N_CLASSES, deform, digits
from lapilli.training.data.framing import check_taken
from lapilli.training.data.lines import beside_lines, lined
from lapilli.training.data.samples import Samples, in_memory
from lapilli.training.data.sets import PartName

__all__ = ["DataConfig", "Task", "find_task", "joined", "unguarded"]


@dataclass(frozen=True, eq=False)
class Task:
    """A data set, ready to train on.

    Arguments:
        name: of the data set.
        classes: their names.
        train, validation, test: its parts.
        step_ms: width of a step in ms; None where steps have no duration.
        augment: changes training samples.
        drain: as in `DataConfig`.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    step_ms: float | None
    augment: Augment
    drain: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input."""
        return self.train.shape

    @property
    def graded(self) -> bool:
        """Whether input events carry values."""
        return self.train.stored.value is not None

    def part(self, name: PartName) -> Samples:
        """The samples of a part, by its name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def run_steps(self, depth: int) -> int:
        """Steps that a sample runs in a network whose last answer comes `depth` steps late."""
        return self.train.n_steps + (depth if self.drain is None else self.drain)


def find_task(config: DataConfig, progress: bool) -> Task:
    """Load, or prepare, a data set.

    Arguments:
        config: what to train on.
        progress: whether to show a progress bar while it is prepared for the first time.

    Raises:
        LapilliError: as `lapilli.training.data.catalogue.prepared`; for a deformation of anything but digits.
        CacheError: when what was prepared is damaged.
    """
    if config.name == "digits":
        check_taken(config.name, config.framing, ())
        check_taken(config.name, config.split, ())
        parts = _digits()
        classes = tuple(map(str, range(N_CLASSES)))
        step_ms = None
        augmented: Augment = partial(_deformed, amount=config.deformation, config=config.augment)
    else:
        if config.deformation != DataConfig.deformation:
            raise LapilliError(f"data.deformation: is of digits alone, not of {config.name}")
        found = whole(prepared(config.name, config.framing, config.split, progress))
        parts = [found.part(part) for part in ("train", "validation", "test")]
        classes, step_ms = found.classes, found.step_ms
        augmented = partial(augment, config=config.augment)
    train, validation, test = (lined(part, config.lines) for part in parts)
    augmented = beside_lines(augmented, config.lines)
    if config.fit == "train and validation":
        train = joined(train, validation)
    return Task(config.name, classes, train, validation, test, step_ms, augmented, config.drain)


def joined(first: Samples, second: Samples) -> Samples:
    """All samples of two parts of one data set."""
    names = ("rows", "labels", "groups", "lengths")
    both = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    return replace(first, **both)


def _digits() -> list[Samples]:
    """Training, validation and test part."""
    parts: list[Events] = [digits("train"), digits("validation"), digits("test")]
    labels = np.concatenate([part.labels for part in parts if part.labels is not None])
    everything = in_memory(Events.from_dense(np.concatenate([part.to_dense() for part in parts]), labels))
    edges = np.cumsum([0, *map(len, parts)])
    return [everything.subset(slice(first, last)) for first, last in pairwise(edges)]


def _deformed(events: Events, generator: np.random.Generator, amount: float, config: AugmentConfig) -> Events:
    return augment(deform(events, generator, amount), generator, config)
