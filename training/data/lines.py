"""Lines beside the channels: inputs that say that a sample lasts, for networks that must know it.

The line "valid" is 1 in every step of a sample, padding too. The line "keys" is 1 in the steps of the recording itself.
They are the last channels, behind all of the data set, so that shifts and masks of channels never meet them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.augmentation import Augment
from lapilli.training.data.framing import Lines
from lapilli.training.data.samples import Chosen, Samples

Int64 = npt.NDArray[np.int64]


def n_lines(lines: Lines) -> int:
    """Channels that they take."""
    return {"none": 0, "valid": 1, "valid and keys": 2}[lines]


def with_lines(events: Events, lengths: Int64, lines: Lines) -> Events:
    """The same samples with lines behind their channels.

    Arguments:
        events: shape (N,), plain or graded.
        lengths: steps of each recording, (samples,); for "keys".
        lines: which.
    """
    n_channels, n_steps, number = events.n_neurons, events.n_steps, n_lines(lines)
    on = np.zeros((len(events), n_steps, number), bool)
    on[..., :1] = True
    if number > 1:
        on[..., 1] = np.arange(n_steps) < lengths[:, None]
    sample, step, line = np.nonzero(on)
    # Lines stand behind all channels of their step.
    moments = events.sample_of_event * n_steps + events.step
    places = np.searchsorted(moments, sample * n_steps + step, side="right")
    added = on.sum((1, 2))
    return Events(
        np.insert(events.step, places, step).astype(np.int32),
        np.insert(events.neuron, places, n_channels + line).astype(np.int32),
        events.offsets + np.concatenate([[0], np.cumsum(added)]),
        n_steps,
        (n_channels + number,),
        None if events.value is None else np.insert(events.value, places, 1).astype(np.int32),
        events.labels,
    )


def without_lines(events: Events, lines: Lines) -> tuple[Events, Int64]:
    """What `with_lines` was given: the channels, and how long each recording is (all steps without "keys")."""
    n_channels = events.n_neurons - n_lines(lines)
    sample, kept = events.sample_of_event, events.neuron < n_channels
    counts = np.bincount(sample[kept], minlength=len(events))
    lengths = np.full(len(events), events.n_steps, np.int64)
    if n_lines(lines) > 1:
        lengths = np.bincount(sample[events.neuron == n_channels + 1], minlength=len(events)).astype(np.int64)
    channels = Events(
        events.step[kept],
        events.neuron[kept],
        np.concatenate([[0], np.cumsum(counts)]),
        events.n_steps,
        (n_channels,),
        None if events.value is None else events.value[kept],
        events.labels,
    )
    return channels, lengths


@dataclass(frozen=True, eq=False)
class LinedSamples(Samples):
    """Samples that have lines when they are read.

    Arguments:
        lines: which.
    """

    lines: Lines = "valid"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input, lines included."""
        return (self.stored.shape[0] + n_lines(self.lines),)

    @property
    def n_events(self) -> int:
        """Events of all samples, lines included."""
        keys = int(self.lengths.sum()) if n_lines(self.lines) > 1 else 0
        return super().n_events + len(self) * self.n_steps + keys

    def select(self, chosen: Chosen) -> Events:
        """Read the chosen samples, in the order given, with their labels and lines."""
        index = np.arange(len(self))[chosen]
        return with_lines(super().select(index), self.lengths[index], self.lines)


def lined(samples: Samples, lines: Lines) -> Samples:
    """Samples with lines.

    Raises:
        LapilliError: for samples that are images.
    """
    if lines == "none":
        return samples
    if len(samples.shape) != 1:
        raise LapilliError(f"data.lines: stand beside channels, shape (N,), but the input has shape {samples.shape}")
    fields = (samples.stored, samples.rows, samples.labels, samples.groups, samples.lengths)
    return LinedSamples(*fields, lines=lines)


@dataclass(frozen=True)
class AugmentBesideLines:
    """Changes the channels alone.

    Arguments:
        augment: what changes them; the lines are not there for it.
        lines: which there are.
    """

    augment: Augment
    lines: Lines

    def __call__(self, events: Events, generator: np.random.Generator) -> Events:
        """The samples, changed, with the lines that they had."""
        channels, lengths = without_lines(events, self.lines)
        return with_lines(self.augment(channels, generator), lengths, self.lines)


def beside_lines(augment: Augment, lines: Lines) -> Augment:
    """What changes the channels alone; without lines `augment` itself."""
    return augment if lines == "none" else AugmentBesideLines(augment, lines)
