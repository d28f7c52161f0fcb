"""What `lapilli listen` says: a line that is drawn again, a line for each change, or lines of JSON."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapilli.listening.listener import Int64
from lapilli.listening.session import Moment, Utterance
from lapilli.output import print_json_line
from lapilli.printable import printable

_REDRAWN_S = 0.04
_BAR = 10


@dataclass(frozen=True)
class Ranking:
    """The best class and the next one.

    Arguments:
        best, score: the class with the largest score, of equal ones the first.
        second, second_score: that of the others; the best itself where it is the only one.
    """

    best: int
    score: int
    second: int
    second_score: int

    @property
    def lead(self) -> float:
        """By how much the best is ahead, as a share of both: 0…1."""
        both = abs(self.score) + abs(self.second_score)
        return (self.score - self.second_score) / both if both else 0.0


def ranking(scores: Int64) -> Ranking:
    """The best class and the next one by their scores, (classes,)."""
    best = int(scores.argmax())
    others = np.delete(np.arange(len(scores)), best)
    second = int(others[scores[others].argmax()]) if len(others) else best
    return Ranking(best, int(scores[best]), second, int(scores[second]))


@dataclass(frozen=True)
class Names:
    """What classes are called.

    Arguments:
        known: by their numbers.
    """

    known: Mapping[int, str]

    def __getitem__(self, number: int) -> str:
        """Of a class; its number where that is all that is known."""
        return printable(self.known.get(number, str(number)))

    def scored(self, found: Ranking) -> str:
        """The best class and the next one, with their scores."""
        return f"{self[found.best]} {found.score:,} (then {self[found.second]} {found.second_score:,})"

    def decided(self, utterance: Utterance) -> str:
        """The decision of an utterance in a sentence."""
        span = f"{utterance.begin_ms / 1000:.2f}…{utterance.end_ms / 1000:.2f} s"
        word = "decided" if utterance.whole else "decided until it was interrupted"
        return f"{span}: {word}: {self.scored(ranking(utterance.scores))}"


class _Changes:
    """Which class was the best, in the utterance that is heard."""

    def __init__(self) -> None:
        self._best: int | None = None

    def seen(self, scores: Int64) -> Ranking | None:
        """The ranking, where the best class is another one than before and ahead of all."""
        found = ranking(scores)
        if found.lead <= 0 or found.best == self._best:
            return None
        self._best = found.best
        return found

    def end(self) -> None:
        """The utterance is over."""
        self._best = None


class Lines:
    """A line for each change of the best class, and one for each utterance.

    Arguments:
        names: of the classes.
    """

    def __init__(self, names: Names) -> None:
        self._names, self._changes = names, _Changes()

    def moment(self, moment: Moment) -> None:
        """Print the best class where it is another one than before, and ahead of all."""
        if found := self._changes.seen(moment.scores):
            print(f"{moment.ms / 1000:.2f} s: {self._names.scored(found)}", flush=True)

    def utterance(self, utterance: Utterance) -> None:
        """Print the decision."""
        self._changes.end()
        print(self._names.decided(utterance), flush=True)


class Redrawn:
    """One line of a terminal that is drawn again and again, and a line that stays for each utterance.

    Arguments:
        names: of the classes.
        clock: seconds.
    """

    def __init__(self, names: Names, clock: Callable[[], float] = time.monotonic) -> None:
        self._names, self._clock = names, clock
        self._drawn = -np.inf

    def moment(self, moment: Moment) -> None:
        """Draw the line, if that is not too often for eyes."""
        if self._clock() - self._drawn < _REDRAWN_S:
            return
        self._drawn = self._clock()
        found = ranking(moment.scores)
        bar = ("#" * round(_BAR * found.lead)).ljust(_BAR, ".")
        leads = self._names.scored(found) if found.lead > 0 else "no class is ahead"
        line = f"{moment.ms / 1000:7.2f} s [{bar}] {leads}"
        # The last column stays free: some terminals go to the next line behind it.
        sys.stdout.write("\r" + line[: shutil.get_terminal_size().columns - 1] + "\x1b[K")
        sys.stdout.flush()

    def utterance(self, utterance: Utterance) -> None:
        """Replace the line by the decision."""
        self._drawn = -np.inf
        print("\r\x1b[K" + self._names.decided(utterance), flush=True)


class JsonLines:
    """Lines of JSON: "change" of the best class, and "decision" of an utterance.

    Arguments:
        names: of the classes.
    """

    def __init__(self, names: Names) -> None:
        self._names, self._changes = names, _Changes()

    def moment(self, moment: Moment) -> None:
        """Print the best class where it is another one than before, and ahead of all."""
        if found := self._changes.seen(moment.scores):
            at = {"event": "change", "utterance": moment.utterance, "ms": moment.ms}
            print_json_line({**at, **self._facts(found.best, moment.scores)})

    def utterance(self, utterance: Utterance) -> None:
        """Print the decision."""
        self._changes.end()
        at = {"event": "decision", "utterance": utterance.number, "whole": utterance.whole}
        place = {"begin_ms": utterance.begin_ms, "end_ms": utterance.end_ms}
        print_json_line({**at, **place, **self._facts(ranking(utterance.scores).best, utterance.scores)})

    def _facts(self, best: int, scores: Int64) -> dict[str, Any]:
        return {"class": best, "name": self._names[best], "scores": scores.tolist()}
