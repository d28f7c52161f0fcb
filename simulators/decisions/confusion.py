"""Decisions beside labels: how often which class was decided where which one was right."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError

Int64 = npt.NDArray[np.int64]

MAX_CLASSES = 1000
"""A table of more classes is neither written nor drawn: it would have more than a million cells."""


@dataclass
class Confusion:
    """How many samples of each label were decided to be of each class.

    Arguments:
        n_classes: between which is decided.
        pairs: number of samples by label and decision.
    """

    n_classes: int = 0
    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, labels: Int64, decisions: Int64, n_classes: int) -> None:
        """Add the labels and decisions of some more samples, (samples,) each."""
        self.n_classes = max(self.n_classes, n_classes)
        pairs, numbers = np.unique(np.stack([labels, decisions]), axis=1, return_counts=True)
        for label, decision, number in zip(*pairs.tolist(), numbers.tolist()):
            self.pairs[label, decision] += number

    @property
    def n_compared(self) -> int:
        """Samples of which a decision was compared with a label."""
        return sum(self.pairs.values())

    @property
    def right(self) -> int:
        """Samples that were decided as their label says."""
        return sum(number for (label, decision), number in self.pairs.items() if label == decision)

    @property
    def n_without_class(self) -> int:
        """Compared samples whose label is none of the classes between which is decided."""
        return sum(number for (label, _), number in self.pairs.items() if not 0 <= label < self.n_classes)

    @property
    def accuracy(self) -> float:
        """Share of the compared decisions that were right.

        Raises:
            LapilliError: when none was compared.
        """
        if not self.n_compared:
            raise LapilliError("accuracy needs events with labels and at least one sample")
        return self.right / self.n_compared

    @property
    def classes(self) -> list[int]:
        """What rows and columns of `matrix` are: all classes, and labels that are none of them."""
        return sorted({*range(self.n_classes), *(label for label, _ in self.pairs)})

    def matrix(self) -> Int64:
        """Samples by label (row) and decision (column): int64, (classes, classes).

        Raises:
            LapilliError: for more than `MAX_CLASSES` classes.
        """
        places = {name: place for place, name in enumerate(self.classes)}
        if len(places) > MAX_CLASSES:
            raise LapilliError(f"a confusion matrix has at most {MAX_CLASSES:,} classes, these are {len(places):,}")
        found = np.zeros((len(places), len(places)), np.int64)
        for (label, decision), number in self.pairs.items():
            found[places[label], places[decision]] = number
        return found

    def class_accuracies(self) -> dict[int, float]:
        """Share of the samples of each label that were decided rightly, for each label that there is."""
        totals: Counter[int] = Counter()
        for (label, _), number in self.pairs.items():
            totals[label] += number
        return {label: self.pairs[label, label] / totals[label] for label in sorted(totals)}

    def mistakes(self) -> list[tuple[int, int, int]]:
        """Label, other class that was decided, and in how many samples; the most frequent first."""
        wrong = [(label, decision, number) for (label, decision), number in self.pairs.items() if label != decision]
        return sorted(wrong, key=lambda mistake: (-mistake[2], mistake[:2]))

    def as_json(self) -> dict[str, Any]:
        """As JSON values; without the matrix where it would be too large."""
        classes, right = self.classes, self.class_accuracies()
        found: dict[str, Any] = {"samples": self.n_compared, "right": self.right, "accuracy": self.accuracy}
        if len(classes) <= MAX_CLASSES:
            found |= {"classes": classes, "class_accuracy": [right.get(name) for name in classes]}
            found["confusion"] = self.matrix().tolist()
        return found
