"""Time bins of recorded events: as SpikingJelly's frames of fixed duration, which SpikeSCR and DCLS-Delays train on."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.framing import MAX_STEPS, Framing
from lapilli.training.data.kernels import count_events

LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bins:
    """Where time bins lie; times are whole microseconds, so that no time is rounded into the wrong bin.

    Arguments:
        width_us: of a bin.
        start_us: where the first one starts.
        n_steps: bins of every sample.
    """

    width_us: int
    start_us: int
    n_steps: int

    @property
    def width_ms(self) -> float:
        """Width of a bin in ms."""
        return self.width_us / 1000

    def of(self, time_us: LongArray) -> LongArray:
        """Bin of each time, floor((time - start) / width); below 0 for what is cut from the start."""
        return (time_us - self.start_us) // self.width_us


def spans(time_us: LongArray, offsets: LongArray) -> tuple[LongArray, LongArray]:
    """Time of the first and of the last event of each recording; 0 and -1 where it has none, so that it fills no bin.

    Arguments:
        time_us: of each event, never falling within a recording.
        offsets: (recordings + 1).
    """
    full = np.diff(offsets) > 0
    first, last = np.zeros(len(full), np.int64), np.full(len(full), -1, np.int64)
    first[full], last[full] = time_us[offsets[:-1][full]], time_us[offsets[1:][full] - 1]
    return first, last


def plan_bins(
    name: str, framing: Framing, default_ms: float, finest_us: int, last_us: LongArray
) -> tuple[Bins, LongArray]:
    """Bins for recordings, and how many of them each recording fills.

    Arguments:
        name: of the data set, for errors.
        framing: what was asked for.
        default_ms: width of a bin if none was asked for.
        finest_us: resolution of the recordings.
        last_us: time of the last event of each recording.

    Returns:
        The bins, and the valid steps of each sample.

    Raises:
        LapilliError: when a bin is narrower than the recordings' resolution, or the longest recording needs too many
            steps.
    """
    width_ms = default_ms if framing.bin_ms is None else framing.bin_ms
    width_us, start_us = round(width_ms * 1000), round(framing.start_ms * 1000)
    if width_us < finest_us:
        raise LapilliError(f"bin_ms: {name} was recorded in steps of {finest_us / 1000:g} ms, got {width_ms:g}")
    needed = np.maximum((last_us - start_us) // width_us + 1, 0)
    n_steps = framing.n_steps or max(int(needed.max(initial=0)), 1)
    if n_steps > MAX_STEPS:
        raise LapilliError(f"bin_ms: {width_ms:g} makes {n_steps} steps of {name}, at most {MAX_STEPS} are possible")
    return Bins(width_us, start_us, n_steps), np.minimum(needed, n_steps)


def bin_events(
    time_us: LongArray,
    neuron: npt.NDArray[np.int64] | npt.NDArray[np.int32],
    offsets: LongArray,
    bins: Bins,
    shape: tuple[int, ...],
    counts: bool,
) -> Events:
    """Events of recordings as events of steps; what lies outside of the bins is dropped.

    Arguments:
        time_us: of each event, never falling within a recording.
        neuron: flat index into `shape` of each event; negative where it is to be dropped.
        offsets: (recordings + 1).
        bins: where bins lie.
        shape: of the neurons.
        counts: whether several events of one bin and neuron are one graded spike with their number, 255 at most, or
            one plain spike.
    """
    step = bins.of(time_us)
    keep = (step >= 0) & (step < bins.n_steps) & (neuron >= 0)
    if not keep.all():
        offsets = np.concatenate([[0], np.cumsum(keep)])[offsets]
        step, neuron = step[keep], neuron[keep]
    found = np.empty((3, len(step)), np.int32)
    out_offsets = np.empty(len(offsets), np.int64)
    scratch = np.zeros(prod(shape), np.int32)
    n_found = count_events(
        step.astype(np.int32), neuron.astype(np.int32), offsets.astype(np.int64), scratch, *found, out_offsets
    )
    value = found[2, :n_found] if counts else None
    return Events(found[0, :n_found], found[1, :n_found], out_offsets, bins.n_steps, shape, value)
