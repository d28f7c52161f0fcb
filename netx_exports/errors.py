"""Errors that lapilli raises on purpose: each is one sentence that a user can act on."""

import difflib
from collections.abc import Iterable, Sequence


class LapilliError(Exception):
    """Base of every error that lapilli raises on purpose.

    The command line prints its message on one line and exits with status 2; `--debug` shows the traceback.
    """


_SHOWN, _LONGEST = 20, 400
"""Problems that a message lists, and letters of each: a damaged file may have thousands, with names of thousands."""


class ProblemsError(LapilliError):
    """An error that lists every problem found, not only the first; its message has the first 20.

    Arguments:
        subject: what was checked ("network", a file's path).
        problems: one phrase for each problem, with its place, what was expected and what was found.
    """

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        shown = [text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in self.problems[:_SHOWN]]
        more = len(self.problems) - len(shown)
        super().__init__(f"{subject}: " + "; ".join([*shown, *([f"and {more:,} more problems"] if more else [])]))

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:
        return type(self), (self.subject, self.problems)


class NetworkError(ProblemsError):
    """A network description that contradicts itself or leaves the range of the integer arithmetic."""


class FormatError(ProblemsError):
    """A file that cannot be read as what it claims to be."""


class UnsupportedError(ProblemsError):
    """Something valid that the chosen target cannot express exactly; the reason is named."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that is like it; "" where none is.

    Dashes in front of options do not count, or all options would be alike; nor does the case of letters.
    """
    names = {name.lstrip("-").casefold(): name for name in known}
    near = difflib.get_close_matches(word.lstrip("-").casefold(), names, 1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def one_of(word: object, known: Iterable[object]) -> str:
    """What a message says of a word that is none of the known ones: them, the word, and the known one like it."""
    names = [str(name) for name in known]
    return f"must be one of {', '.join(names)}, got {word!r}{did_you_mean(str(word), names)}"
