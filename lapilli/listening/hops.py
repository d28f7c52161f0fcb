"""Sound in hops, and where utterances begin and end among them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError

FloatArray = npt.NDArray[np.float64]

_LARGEST_DB = 200.0
_LONGEST_MS = 3_600_000.0


@dataclass(frozen=True, eq=False)
class Hop:
    """A hop of sound that belongs to an utterance.

    Arguments:
        number: of the hop, from the beginning of the sound.
        samples: full scale is 1.
        begins: whether it is the first one of its utterance.
        ends: whether it is the last one; of a sound that simply ends, none is.
    """

    number: int
    samples: FloatArray
    begins: bool
    ends: bool


@dataclass(frozen=True)
class Pauses:
    """When an utterance begins and ends.

    It begins a little before the first loud hop, and ends after so many quiet hops in a row, or when it is too long.

    Arguments:
        quiet: hops that end it.
        before: hops before the first loud one that belong to it.
        longest: hops of the longest one.
        loud_db: mean power of a loud hop, dB of full scale.

    Raises:
        LapilliError: for a loudness that no sound has.
    """

    quiet: int
    before: int
    longest: int
    loud_db: float

    def __post_init__(self) -> None:
        """Refuse a loudness that no sound has."""
        if not abs(self.loud_db) <= _LARGEST_DB:
            raise LapilliError(f"--loud-db must be {-_LARGEST_DB:g}…{_LARGEST_DB:g}, got {self.loud_db:g}")

    def is_loud(self, samples: FloatArray) -> bool:
        """Whether a hop is loud."""
        return bool(np.mean(samples**2) >= 10 ** (self.loud_db / 10))


def whole(blocks: Iterable[FloatArray], is_full: Callable[[], bool]) -> Iterator[Hop]:
    """All of a sound as one utterance, or as much of it as is heard until `is_full()`."""
    for number, samples in enumerate(blocks):
        yield Hop(number, samples, begins=number == 0, ends=False)
        if is_full():
            return


def divided(blocks: Iterable[FloatArray], pauses: Pauses) -> Iterator[Hop]:
    """The hops of a sound that belong to utterances."""
    waiting: deque[FloatArray] = deque(maxlen=pauses.before)
    length = quiet = 0
    for number, samples in enumerate(blocks):
        loud = pauses.is_loud(samples)
        quiet = 0 if loud else quiet + 1
        if not length and not loud:
            waiting.append(samples)
            continue
        if not length:
            for place, earlier in enumerate(waiting):
                yield Hop(number - len(waiting) + place, earlier, begins=place == 0, ends=False)
            length = len(waiting)
            waiting.clear()
        length += 1
        ends = quiet >= pauses.quiet or length >= pauses.longest
        yield Hop(number, samples, begins=length == 1, ends=ends)
        length = 0 if ends else length


def paced(
    blocks: Iterable[FloatArray],
    hop_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[FloatArray]:
    """Blocks as if they were being spoken: each comes when it has ended."""
    begin = clock()
    for number, samples in enumerate(blocks, 1):
        if (early := begin + number * hop_s - clock()) > 0:
            sleep(early)
        yield samples


def hops_of(option: str, ms: float, step_ms: float, least: int = 1) -> int:
    """How many hops a time is, rounded up.

    Raises:
        LapilliError: naming the option where they are fewer than `least`, or more than an hour.
    """
    if ms > _LONGEST_MS:
        raise LapilliError(f"--{option} must be at most {_LONGEST_MS:,.0f} ms, got {ms:g}")
    found = int(np.ceil(ms / step_ms - 1e-9)) if np.isfinite(ms) else least - 1
    if found < least:
        raise LapilliError(f"--{option} must be at least {least * step_ms:g} ms, got {ms:g}")
    return found
