"""Files of rendered sequences: events, and the motion from which the flow of every pixel follows.

| array | content |
|---|---|
| `x`, `y`, `p` | column, row and polarity (`np.packbits`) of each event |
| `dt_us` | time since the event before, or since the start of the sequence, in µs |
| `offsets` | (sequences + 1), events of sequence i are `offsets[i]:offsets[i + 1]` |
| `generator` | (sequences, 3, 3), of each motion, a second |
| `texture`, `part` | of each sequence; part 0 is for training, 1 for validation, 2 for the test |
| `side`, `duration_us`, `seed` | of all |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import PathLike, replacing
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.checks import (
    check_members,
    length_problems,
    offsets_problems,
    place_problems,
    range_problems,
)
from lapilli.training.data.flow.motion import FASTEST, Motion, drawn_motion, flow_field
from lapilli.training.data.flow.pixels import PixelModel
from lapilli.training.data.flow.rendering import Recorded, render
from lapilli.training.data.flow.textures import N_TEXTURES, texture, textures_of
from lapilli.training.data.sets import TEST, TRAIN, VALIDATION, DataError

LARGEST_SIDE = 256
LONGEST_US = 10_000_000
N_EXAMPLES = 1 << 16
"""Sequences of a file, at most."""

_PARTS = (TRAIN, TRAIN, TRAIN, TRAIN, VALIDATION, TEST)
_LARGEST_ENTRY = 100 * FASTEST
_PER_EVENT = ("x", "y", "dt_us")
_PER_SEQUENCE = ("generator", "texture", "part")
_DIMENSIONS = {
    **dict.fromkeys((*_PER_EVENT, "p", "offsets", "texture", "part"), 1),
    **{"generator": 3, "side": 0, "duration_us": 0, "seed": 0},
}
_LIMITS = {"side": (2, LARGEST_SIDE), "duration_us": (1, LONGEST_US), "texture": (0, N_TEXTURES - 1), "part": (0, TEST)}

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class FlowSequence:
    """A texture that moved in front of a simulated camera.

    Arguments:
        events: of the camera.
        motion: of the texture.
        texture: its number.
        part: `TRAIN`, `VALIDATION` or `TEST`.
    """

    events: Recorded
    motion: Motion
    texture: int
    part: int


@dataclass(frozen=True, eq=False)
class FlowSequences:
    """Sequences of one camera.

    Arguments:
        side: rows, and columns, of the camera.
        duration_us: of each sequence.
        seed: from which they were drawn.
        sequences: all of them.
    """

    side: int
    duration_us: int
    seed: int
    sequences: tuple[FlowSequence, ...]

    def flow(self, number: int) -> npt.NDArray[np.float64]:
        """Flow of each pixel, the same at every time: (2, side, side), to the right and down, in pixels a second."""
        return flow_field(self.sequences[number].motion, self.side)


def make_sequences(
    n_sequences: int,
    side: int,
    duration_us: int,
    seed: int,
    model: PixelModel,
    advance: Callable[[int], None] = lambda n: None,
) -> FlowSequences:
    """Render sequences: of every six, four are for training, one for validation and one for the test.

    Textures of one part are in no other. A sequence depends on its number and the seed alone.

    Arguments:
        n_sequences: how many.
        side: rows, and columns, of the camera.
        duration_us: of each.
        seed: of everything that is drawn.
        model: of the pixels.
        advance: called with the number of sequences that were made.
    """
    made = []
    for number in range(n_sequences):
        rng = np.random.default_rng([seed, number])
        part = _PARTS[number % len(_PARTS)]
        chosen = int(rng.choice(textures_of(part)))
        motion = drawn_motion(rng)
        made.append(FlowSequence(render(texture(chosen), motion, side, duration_us, model, rng), motion, chosen, part))
        advance(1)
    return FlowSequences(side, duration_us, seed, tuple(made))


def save_sequences(found: FlowSequences, path: PathLike) -> None:
    """Write sequences as `.npz`; equal sequences give equal bytes.

    Raises:
        LapilliError: when the file cannot be written.
    """
    events = [sequence.events for sequence in found.sequences]
    arrays: dict[str, Any] = {
        "x": _joined([one.x for one in events]).astype(np.uint8),
        "y": _joined([one.y for one in events]).astype(np.uint8),
        "p": np.packbits(_joined([one.polarity for one in events]).astype(np.uint8)),
        "dt_us": _joined([np.diff(one.time_us, prepend=0) for one in events]).astype(np.int32),
        "offsets": np.cumsum([0, *map(len, events)]),
        "generator": np.array([sequence.motion.generator for sequence in found.sequences]),
        "texture": np.array([sequence.texture for sequence in found.sequences]),
        "part": np.array([sequence.part for sequence in found.sequences]),
    }
    arrays |= {name: np.int64(getattr(found, name)) for name in ("side", "duration_us", "seed")}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def _joined(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, np.int64), *arrays])


def read_sequences(path: Path) -> FlowSequences:
    """Read what `save_sequences` wrote.

    Raises:
        LapilliError: when the file cannot be read.
        DataError: when it is no such file, listing every problem found.
    """
    with open_members(path, DataError, "iuf") as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    if problems := _problems(arrays):
        raise DataError(str(path), problems)
    offsets, polarity = arrays["offsets"].astype(np.int64), np.unpackbits(arrays["p"])
    x, y, dt_us = (arrays[name].astype(np.int64) for name in _PER_EVENT)
    sequences = []
    for number, (low, high) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist())):
        events = Recorded(np.cumsum(dt_us[low:high]), x[low:high], y[low:high], polarity[low:high])
        motion = Motion(arrays["generator"][number].astype(np.float64))
        sequences.append(FlowSequence(events, motion, int(arrays["texture"][number]), int(arrays["part"][number])))
    side, duration_us, seed = (int(arrays[name]) for name in ("side", "duration_us", "seed"))
    problems = [
        f"sequence {number}: lasts {sequence.events.time_us[-1]} µs, must be below {duration_us}"
        for number, sequence in enumerate(sequences)
        if len(sequence.events) and sequence.events.time_us[-1] >= duration_us
    ]
    if problems:
        raise DataError(str(path), problems[:3])
    return FlowSequences(side, duration_us, seed, tuple(sequences))


def _problems(arrays: Arrays) -> list[str]:
    floats = [f"{name}: must be integers" for name in _DIMENSIONS if name != "generator" and _is_float(arrays[name])]
    if floats:
        return floats
    n_events, n_sequences = len(arrays["x"]), len(arrays["part"])
    problems = length_problems({name: arrays[name] for name in _PER_EVENT}, n_events)
    problems += length_problems({name: arrays[name] for name in _PER_SEQUENCE}, n_sequences)
    problems += length_problems({"p": arrays["p"]}, -(-n_events // 8))
    problems += offsets_problems("offsets", arrays["offsets"], n_events, n_sequences)
    for name, (low, high) in _LIMITS.items():
        problems += range_problems(name, arrays[name].reshape(-1), low, high)
    problems += range_problems("dt_us", arrays["dt_us"], 0, LONGEST_US)
    if arrays["p"].dtype != np.uint8:
        problems.append(f"p: must be bytes, got {arrays['p'].dtype}")
    if n_sequences > N_EXAMPLES:
        problems.append(f"part: must be at most {N_EXAMPLES} sequences, got {n_sequences}")
    if arrays["generator"].shape[1:] != (3, 3) or not np.all(np.abs(arrays["generator"]) <= _LARGEST_ENTRY):
        problems.append(f"generator: must be (sequences, 3, 3), numbers of at most ±{_LARGEST_ENTRY:g}")
    if not problems:
        offsets, high = arrays["offsets"].astype(np.int64), int(arrays["side"]) - 1
        problems += [text for name in "xy" for text in place_problems(name, arrays[name], offsets, high)]
    return problems


def _is_float(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind == "f"
