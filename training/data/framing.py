"""How recordings become time steps, and which of them belong to which part: what a user chooses about a data set."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import within
from lapilli.training.data.encoders import Encoder

Values = Literal["counts", "binary"]

CropAround = Literal["centre", "median"]

Lines = Literal["none", "valid", "valid and keys"]
"""Inputs beside the channels; `lapilli.training.data.lines` adds them."""

MAX_STEPS = 1 << 16
"""Steps of a sample: prepared data holds a step in two bytes."""


def _microseconds(ms: float) -> float:
    if abs(ms * 1000 - round(ms * 1000)) > 1e-6:
        raise ValueError("must be a whole number of microseconds")
    return ms


Microseconds = AfterValidator(_microseconds)
Channels = Annotated[int, within(1, 1 << 16)]


@configuration("framing")
@dataclass(frozen=True)
class Framing:
    """How recordings become steps. Every set takes `n_steps`; which of the others it takes, it says itself."""

    n_steps: Annotated[int, within(1, MAX_STEPS)] | None = None
    """Steps of a sample. Longer ones are cut, shorter ones padded. With None, there are as many as the longest needs,
    or the set's default for images."""

    bin_ms: Annotated[float, within(0.001, 1e6), Microseconds] | None = None
    """Width of a time step in ms. Events are counted over it, frames averaged, audio hops by it. Frames may be halved.
    None is the set's default."""

    start_ms: Annotated[float, within(0, 1e6), Microseconds] = 0.0
    """What is earlier than that is cut from every recording."""

    from_first_event: bool = True
    """Time starts with the first event of a recording, as in SpikingJelly, whose frames SpikeSCR and DCLS-Delays use.
    Otherwise it starts with the recording."""

    pool: Channels = 1
    """So many neighbouring channels become one. Of cameras and images it is so many rows and so many columns. Events
    are added up, analogue values averaged."""

    crop: Channels | None = None
    """Rows and columns around the centre of a camera or image that are kept, before pooling. None keeps all."""

    crop_around: CropAround | None = None
    """Middle of what `crop` keeps: the centre of the sensor, or the median place of a sample's events, which is then in
    the middle. None: the set's default."""

    bin_steps: Channels = 1
    """So many recorded steps become one, in sets whose files do not say how long a step is."""

    values: Values = "counts"
    """Events of one bin and channel as one graded spike with their number, 255 at most, or as one plain spike."""

    encoder: Encoder = "direct"
    """How analogue values become spikes (training/data/encoders.py)."""

    levels: Annotated[int, within(1, 255)] = 16
    """To so many levels direct and latency encoding round values. Latency encoding takes as many steps."""

    threshold: Annotated[float, within(0.001, 1)] = 0.1
    """Change of a value that is one spike of the delta encoder. Values are 0…1, or -1…1 where they have a sign."""

    seed: Annotated[int, within(0, (1 << 32) - 1)] = 0
    """Of the rate encoder's random numbers."""

    bands: Annotated[int, within(1, 1024)] = 40
    """Mel bands of audio."""

    skip_empty: bool = False
    """Recordings without events belong to no part, instead of stopping the whole set. They are counted and named."""


@configuration("split")
@dataclass(frozen=True)
class Split:
    """Which samples belong to which part, where a data set leaves a choice."""

    validation_groups: tuple[int, ...] | None = None
    """Speakers or users held out of training for the choice of a model. None takes the set's own."""

    test_groups: tuple[int, ...] | None = None
    """Speakers or users of the test part. None takes the set's own test part."""

    unknown: int | None = None
    """Samples of the class "unknown" in the training part. None takes all."""

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
