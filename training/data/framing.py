"""How recordings become time steps, and which of them belong to which part: what a user chooses about a data set."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args

from lapilli.netx_exports.errors import LapilliError, ProblemsError
from lapilli.training.data.encoders import Encoder

Values = Literal["counts", "binary"]

MAX_STEPS = 1 << 16
"""Steps of a sample: prepared data holds a step in two bytes."""


@dataclass(frozen=True)
class Framing:
    """How recordings become steps. Every set takes `n_steps`; which of the others it takes, it says itself."""

    n_steps: int | None = None
    """Steps of a sample: longer ones are cut, shorter ones padded. None: as many as the longest needs, or the set's
    default for images."""

    bin_ms: float | None = None
    """Width of a time step in ms: events are counted over it, frames averaged, audio hops by it. None: the set's
    default."""

    start_ms: float = 0.0
    """What is earlier than that is cut from every recording."""

    from_first_event: bool = True
    """Time starts with the first event of a recording, as in SpikingJelly, whose frames SpikeSCR and DCLS-Delays use;
    otherwise with the recording."""

    pool: int = 1
    """So many neighbouring channels become one; of cameras and images, so many rows and so many columns. Events are
    added up, analogue values averaged."""

    crop: int | None = None
    """Rows and columns around the centre of a camera or image that are kept, before pooling. None: all."""

    values: Values = "counts"
    """Events of one bin and channel as one graded spike with their number, 255 at most, or as one plain spike."""

    encoder: Encoder = "direct"
    """How analogue values become spikes: see training/data/encoders.py."""

    levels: int = 16
    """To so many levels direct and latency encoding round values; latency encoding takes as many steps."""

    threshold: float = 0.1
    """Change of a value that is one spike of the delta encoder; values are 0…1, or -1…1 where they have a sign."""

    seed: int = 0
    """Of the rate encoder's random numbers."""

    bands: int = 40
    """Mel bands of audio."""

    def __post_init__(self) -> None:
        problems = [
            f"{name}: must be {least:g}{'…' + format(most, 'g') if most else ' or more'}, got {value}"
            for name, least, most in _LIMITS
            if (value := getattr(self, name)) is not None and not least <= value <= (most or float("inf"))
        ]
        problems += [
            f"{name}: must be one of {', '.join(get_args(allowed))}, got {getattr(self, name)!r}"
            for name, allowed in (("values", Values), ("encoder", Encoder))
            if getattr(self, name) not in get_args(allowed)
        ]
        problems += [
            f"{name}: must be a whole number of microseconds, got {value} ms"
            for name in ("bin_ms", "start_ms")
            if (value := getattr(self, name)) is not None and abs(value * 1000 - round(value * 1000)) > 1e-6
        ]
        if problems:
            raise ProblemsError("framing", problems)
        for name in ("bin_ms", "start_ms", "threshold"):
            if (value := getattr(self, name)) is not None:
                # 10 and 10.0 are one framing, also to the cache.
                object.__setattr__(self, name, float(value))


_LIMITS: tuple[tuple[str, float, float | None], ...] = (
    ("n_steps", 1, MAX_STEPS),
    ("bin_ms", 0.001, 1e6),
    ("start_ms", 0, 1e6),
    ("pool", 1, 1 << 16),
    ("crop", 1, 1 << 16),
    ("levels", 1, 255),
    ("threshold", 0.001, 1),
    ("seed", 0, (1 << 32) - 1),
    ("bands", 1, 1024),
)


@dataclass(frozen=True)
class Split:
    """Which samples belong to which part, where a data set leaves a choice."""

    validation_groups: tuple[int, ...] | None = None
    """Speakers or users held out of training for the choice of a model. None: the set's own."""

    test_groups: tuple[int, ...] | None = None
    """Speakers or users of the test part. None: the set's own test part."""

    unknown: int | None = None
    """Samples of the class "unknown" in the training part. None: all."""

    silence: bool = False
    """Whether pieces of background noise are a class of their own."""

    basic: bool = False
    """Only the six basic activities."""


def check_taken(name: str, choice: Framing | Split, taken: Iterable[str]) -> None:
    """Refuse what a data set does not know, instead of ignoring it.

    Arguments:
        name: of the data set.
        choice: what the user chose.
        taken: fields that the set takes.

    Raises:
        LapilliError: when another field differs from its default.
    """
    known = set(taken)
    wrong = [f.name for f in fields(choice) if f.name not in known and getattr(choice, f.name) != f.default]
    if wrong:
        raise LapilliError(
            f"data set {name} has no {', '.join(wrong)} to choose; "
            f"it takes {', '.join(f.name for f in fields(choice) if f.name in known) or 'nothing'}"
        )
