"""Real sequences for optical flow: a DAVIS240 that a pan-tilt unit turns (evbench), with one flow for the whole image.

That flow is lapilli's own estimate, by contrast of the warped events. It is not the set's dense flow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.files.archives import open_members
from lapilli.training.data.checks import (
    check_members,
    empty_problems,
    length_problems,
    offsets_problems,
    place_problems,
    range_problems,
)
from lapilli.training.data.flow.rendering import Recorded
from lapilli.training.data.sets import DataError

FILE = "evbench_dvs.npz"
ROWS, COLUMNS = 180, 240
"""Of the camera; events lie in columns 0 to 189."""

LICENCE = "the repository is GPL-3.0, none stated for the data; cite Barranco et al. 2016"

_PER_EVENT = ("x", "y", "dt_us_lo", "dt_us_hi")
_PER_SEQUENCE = ("ptu_rad_per_s", "flow_px_per_s", "flow_std")
_DIMENSIONS = dict.fromkeys((*_PER_EVENT, "p", "offsets"), 1) | dict.fromkeys(_PER_SEQUENCE, 2)

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RealSequence:
    """A real sequence.

    Arguments:
        events: of the camera.
        flow: (2,), to the right and down, of the whole image, in pixels a second.
        deviation: (2,), of the flow over windows of 0.35 s.
        pan_tilt: (2,), of the unit as published, in radians a second.
    """

    events: Recorded
    flow: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    pan_tilt: npt.NDArray[np.float64]


def read_evbench(path: Path) -> list[RealSequence]:
    """Read `evbench_dvs.npz`, whose format is described in the README beside it.

    Raises:
        LapilliError: when the file cannot be read.
        DataError: when it is damaged, listing every problem found.
    """
    with open_members(path, DataError, "iuf") as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    if problems := _problems(arrays):
        raise DataError(str(path), problems)
    offsets, polarity = arrays["offsets"].astype(np.int64), np.unpackbits(arrays["p"])
    x, y, low_byte, high = (arrays[name].astype(np.int64) for name in _PER_EVENT)
    found = []
    for number, (first, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist())):
        part = slice(first, end)
        events = Recorded(np.cumsum((low_byte + 256 * high)[part]), x[part], y[part], polarity[part])
        pan_tilt, flow, deviation = (arrays[name][number].astype(np.float64) for name in _PER_SEQUENCE)
        found.append(RealSequence(events, flow, deviation, pan_tilt))
    return found


def _problems(arrays: Arrays) -> list[str]:
    whole = (*_PER_EVENT, "p", "offsets")
    problems = [
        f"{name}: must be integers, got {arrays[name].dtype}" for name in whole if arrays[name].dtype.kind == "f"
    ]
    if problems:
        return problems
    n_events, n_sequences = len(arrays["x"]), len(arrays["flow_std"])
    problems = length_problems({name: arrays[name] for name in _PER_EVENT}, n_events)
    problems += length_problems({"p": arrays["p"]}, -(-n_events // 8))
    problems += offsets_problems("offsets", arrays["offsets"], n_events, n_sequences)
    problems += [
        f"{name}: must be two finite numbers for each of {n_sequences} sequences"
        for name in _PER_SEQUENCE
        if arrays[name].shape != (n_sequences, 2) or not np.isfinite(arrays[name]).all()
    ]
    problems += [text for name in _PER_EVENT[2:] for text in range_problems(name, arrays[name], 0, 255)]
    if arrays["p"].dtype != np.uint8:
        problems.append(f"p: must be bytes, got {arrays['p'].dtype}")
    if not problems:
        offsets = arrays["offsets"].astype(np.int64)
        problems += place_problems("x", arrays["x"], offsets, COLUMNS - 1)
        problems += place_problems("y", arrays["y"], offsets, ROWS - 1)
        problems += empty_problems("recording", np.diff(offsets))
    return problems
