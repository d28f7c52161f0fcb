"""Choices that a user writes as one word: names, kinds and numbers separated by commas, numbers also as ranges."""

import csv
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError, did_you_mean
from lapilli.verbs import BRANCHES

_RANGE = re.compile(r"([0-9]{0,18}):([0-9]{0,18})")


def wrong_word(verb: str, got: str) -> LapilliError:
    """What to say of a second word that a verb has not, "" where there is none."""
    *words, last = BRANCHES[verb]
    found = f", got {got!r}" if got else ""
    return LapilliError(f"{verb}: must be {', '.join(words)} or {last}{found}{did_you_mean(got, BRANCHES[verb])}")


def names(text: str | None, option: str) -> Sequence[str] | None:
    """Names from `a,b,"c, d"`, each once; None stays None.

    Raises:
        LapilliError: naming `option`, when there is no name.
    """
    if text is None:
        return None
    found = [word.strip() for word in next(csv.reader([text], skipinitialspace=True), [])]
    if not found or not all(found):
        raise LapilliError(f"--{option}: must be names separated by commas, got {text!r}")
    return list(dict.fromkeys(found))


def numbers(text: str | None, option: str, limit: int) -> npt.NDArray[np.int64] | None:
    """Numbers below `limit` from `0,3,5:8` (0, 3, 5, 6, 7; `5:` goes to the end), rising; None stays None.

    Raises:
        LapilliError: naming `option`, for anything else.
    """
    if text is None:
        return None
    parts = [_numbers(word.strip(), text, option, limit) for word in text.split(",")]
    found = np.unique(np.concatenate(parts))
    if len(found) and found[-1] >= limit:
        raise LapilliError(f"--{option}: must be below {limit}, got {found[-1]}")
    return found


def window(text: str | None, option: str, limit: int) -> tuple[int, int]:
    """First step and the step behind the last from `100:300`, `100:` or `:300`; everything where None.

    Raises:
        LapilliError: naming `option`, for anything else.
    """
    match = _RANGE.fullmatch("0:" if text is None else text)
    if match is None:
        raise LapilliError(f"--{option}: must be as 100:300, got {text!r}")
    first, last = int(match[1] or 0), int(match[2] or limit)
    if not first < last <= limit:
        raise LapilliError(f"--{option}: must be within 0:{limit} and not empty, got {text!r}")
    return first, last


def _numbers(word: str, text: str, option: str, limit: int) -> npt.NDArray[np.int64]:
    if re.fullmatch(r"[0-9]{1,18}", word):
        return np.array([int(word)], np.int64)
    if _RANGE.fullmatch(word):
        return np.arange(*window(word, option, limit), dtype=np.int64)
    raise LapilliError(f"--{option}: must be numbers and ranges as 0,3,5:8, got {text!r}")
