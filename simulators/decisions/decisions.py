"""What was decided of some samples, with the scores that it was decided by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.simulators.decisions.confusion import Confusion

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decisions:
    """The class of each sample.

    Arguments:
        scores: by which it was decided: int64, (samples, classes).
        labels: the right class of each sample, int64, (samples,); None where they are not known.
    """

    scores: Int64
    labels: Int64 | None = None

    def __repr__(self) -> str:
        known = f", accuracy {self.accuracy:.2%}" if self.labels is not None and len(self) else ""
        return f"<Decisions: {len(self):,} samples, {self.scores.shape[1]} classes{known}>"

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.scores)

    @property
    def classes(self) -> Int64:
        """Class of each sample, (samples,): the one with the largest score, of equal scores the first."""
        return self.scores.argmax(axis=1)

    @property
    def confusion(self) -> Confusion:
        """Decisions beside labels; empty where there are none."""
        found = Confusion(self.scores.shape[1])
        if self.labels is not None:
            found.add(self.labels, self.classes, self.scores.shape[1])
        return found

    @property
    def accuracy(self) -> float:
        """Share of samples that were decided as their label says.

        Raises:
            LapilliError: without labels or without samples.
        """
        return self.confusion.accuracy
