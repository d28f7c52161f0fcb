"""Training samples changed a little at random, each batch anew, on sparse events.

Plain numpy on whole batches. tonic's transforms take one recording at a time, draw from numpy's global state, and their
events would have to be framed anew. On 128 recordings of 4,000 events, its `DropEvent` takes 19 ms, its `UniformNoise`
37 ms; masks, lost spikes and a shift of `augment` together take 9 ms, everything 17 ms (CPU time, one core).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import ProblemsError
from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import Natural, Share
from lapilli.simulators.events import Events

Generator = np.random.Generator
Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

Augment = Callable[[Events, Generator], Events]
"""Changes samples at random, labels kept."""


class AugmentError(ProblemsError):
    """Settings out of their range, or that do not fit the events."""


@configuration("augmentation", AugmentError)
@dataclass(frozen=True)
class AugmentConfig:
    """What may happen to a sample; everything is off unless asked for.

    In this order: flip, shifts, stray spikes, lost spikes, masks. Each sample draws its own. x is the last axis of the
    input's shape: channels of audio and of sensors, columns of a camera or image.
    """

    flip_probability: Share = 0.0
    """Probability that left and right change places, 0…1. It is for cameras and images, with a shape (C, H, W)."""

    shift_x: Natural = 0
    """Farthest shift along x, to either side. Events that leave are lost. For images it is a crop after padding."""

    shift_y: Natural = 0
    """Farthest shift along the rows of a camera or image, shape (C, H, W)."""

    shift_steps: Natural = 0
    """Farthest shift in time, to earlier or later. Events that leave are lost."""

    noise: Share = 0.0
    """Probability that an empty place (neuron and step) gets a stray spike of value 1, 0…1."""

    drop: Share = 0.0
    """Probability that an event is lost, 0…1."""

    time_mask: Share = 0.0
    """Length of a silent span of time as a share of the steps, 0…1."""

    time_mask_varies: bool = False
    """Whether the length is drawn anew, from 0 to `time_mask`, for each sample."""

    time_mask_probability: Share = 0.5
    """Probability that a sample gets a time mask, 0…1."""

    neuron_mask: Natural = 0
    """Widest silent band along x, in all channels and rows of a camera. The width is drawn from 0 to this."""

    neuron_mask_probability: Share = 0.5
    """Probability that a sample gets a neuron mask, 0…1."""


SPIKESCR_SHD = AugmentConfig(time_mask=0.2, neuron_mask=19)
"""SpikeSCR on SHD: widths are for 140 channels (5 of the 700 units in each)."""

SPIKESCR_SSC = AugmentConfig(time_mask=0.1, neuron_mask=9)
"""SpikeSCR on SSC: widths are for 140 channels."""

SPIKESCR_GSC = AugmentConfig(
    time_mask=0.25, time_mask_varies=True, time_mask_probability=1.0, neuron_mask=9, neuron_mask_probability=1.0
)
"""SpikeSCR on Google Speech Commands, 140 mel bands. There, the frequency mask is one for the whole batch and what is
masked becomes 0 dB, not silence; here, each sample has its own and no event is no event."""

BRAINCOG_DVS_CIFAR10 = AugmentConfig(flip_probability=0.5, shift_x=4, shift_y=4)
"""TKS's pipeline for DVS-CIFAR10 at 48 x 48: crop after padding by 4 and flip; without its rotation by up to 15°."""


def augment(events: Events, generator: Generator, config: AugmentConfig) -> Events:
    """The same samples, changed at random; labels, shape and number of steps are kept.

    Arguments:
        events: shape (N,) or (C, H, W), plain or graded.
        generator: the same state gives the same samples.
        config: what may happen.

    Raises:
        AugmentError: when `config` does not fit the shape or the number of steps.
    """
    if problems := list(_unfit(config, events)):
        raise AugmentError("augmentation", problems)
    spikes = _Spikes(events.step, events.neuron, events.value, events.offsets, events.n_steps, events.shape)
    spikes = _flipped(spikes, generator, config.flip_probability)
    spikes, masks = _shifted(spikes, generator, config)
    if config.noise:
        spikes, masks = _noisy(spikes.kept(masks), generator, config.noise), []
    masks += [
        *_dropped(spikes, generator, config.drop),
        *_time_masked(spikes, generator, config),
        *_neurons_masked(spikes, generator, config),
    ]
    spikes = spikes.kept(masks)
    return Events(spikes.step, spikes.neuron, spikes.offsets, events.n_steps, events.shape, spikes.value, events.labels)


@dataclass(frozen=True, eq=False)
class _Spikes:
    """The arrays of `Events`, without their checks, which take as long as all augmentations together."""

    step: npt.NDArray[np.int32]
    neuron: npt.NDArray[np.int32]
    value: npt.NDArray[np.int32] | None
    offsets: npt.NDArray[np.int64]
    n_steps: int
    shape: tuple[int, ...]

    @property
    def n_samples(self) -> int:
        return len(self.offsets) - 1

    @property
    def x(self) -> npt.NDArray[np.int32]:
        return self.neuron if len(self.shape) == 1 else self.neuron % np.int32(self.shape[-1])

    def spread(self, of_sample: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Something of each sample, for each event."""
        return np.repeat(of_sample, np.diff(self.offsets))

    def taken(self, order: Ints) -> "_Spikes":
        """The events in another order that leaves each in its sample."""
        value = None if self.value is None else self.value[order]
        return replace(self, step=self.step[order], neuron=self.neuron[order], value=value)

    def kept(self, masks: list[Mask]) -> "_Spikes":
        """The events that all masks let pass."""
        if not masks:
            return self
        order = np.flatnonzero(np.logical_and.reduce(masks))
        return replace(self.taken(order), offsets=np.searchsorted(order, self.offsets).astype(np.int64))


def _flipped(spikes: _Spikes, generator: Generator, probability: float) -> _Spikes:
    """Each row mirrored: as rows are sorted, its events of a step only change their order to the reverse."""
    if not probability or not len(spikes.step):
        return spikes
    flips = spikes.spread(generator.random(spikes.n_samples) < probability)
    width = spikes.shape[-1]
    row = spikes.neuron // width
    mirrored = np.where(flips, row * width + (width - 1 - spikes.neuron % width), spikes.neuron)
    starts = np.ones(len(row), bool)
    starts[1:] = (row[1:] != row[:-1]) | (spikes.step[1:] != spikes.step[:-1])
    starts[spikes.offsets[:-1][np.diff(spikes.offsets) > 0]] = True
    first = np.flatnonzero(starts)
    lengths = np.diff(first, append=len(row))
    place = np.arange(len(row))
    order = np.where(flips, np.repeat(2 * first + lengths - 1, lengths) - place, place)
    return replace(spikes, neuron=mirrored.astype(np.int32)).taken(order)


def _shifted(spikes: _Spikes, generator: Generator, config: AugmentConfig) -> tuple[_Spikes, list[Mask]]:
    """The events at their new places, and which of them are still inside."""
    step, neuron, masks = spikes.step, spikes.neuron, []
    width = spikes.shape[-1]
    if config.shift_x:
        shift = _shift(spikes, generator, config.shift_x)
        masks.append(_inside(spikes.x + shift, width))
        neuron = neuron + shift
    if config.shift_y:
        shift = _shift(spikes, generator, config.shift_y)
        masks.append(_inside(spikes.neuron // width % spikes.shape[1] + shift, spikes.shape[1]))
        neuron = neuron + shift * np.int32(width)
    if config.shift_steps:
        step = step + _shift(spikes, generator, config.shift_steps)
        masks.append(_inside(step, spikes.n_steps))
    return replace(spikes, step=step, neuron=neuron), masks


def _shift(spikes: _Spikes, generator: Generator, farthest: int) -> npt.NDArray[np.int32]:
    return spikes.spread(generator.integers(-farthest, farthest + 1, spikes.n_samples, np.int32))


def _inside(place: npt.NDArray[np.int32], size: int) -> Mask:
    # Negative numbers are large ones without a sign: one comparison instead of two.
    return place.view(np.uint32) < np.uint32(size)


def _noisy(spikes: _Spikes, generator: Generator, probability: float) -> _Spikes:
    n_neurons = prod(spikes.shape)
    n_places = spikes.n_samples * spikes.n_steps * n_neurons
    taken = (spikes.spread(np.arange(spikes.n_samples)) * spikes.n_steps + spikes.step) * n_neurons + spikes.neuron
    stray = _places(generator, n_places, probability)
    before = np.searchsorted(taken, stray)
    free = np.ones(len(stray), bool)
    inner = before < len(taken)
    free[inner] = taken[before[inner]] != stray[inner]
    stray, before = stray[free], before[free]
    of_sample = np.bincount(stray // (spikes.n_steps * n_neurons), minlength=spikes.n_samples)
    return replace(
        spikes,
        step=np.insert(spikes.step, before, stray // n_neurons % spikes.n_steps),
        neuron=np.insert(spikes.neuron, before, stray % n_neurons),
        value=None if spikes.value is None else np.insert(spikes.value, before, 1),
        offsets=spikes.offsets + np.concatenate([[0], np.cumsum(of_sample)]),
    )


def _places(generator: Generator, n_places: int, probability: float) -> npt.NDArray[np.int64]:
    """Each of `n_places` places with this probability, in order: by the gaps between them, not place by place."""
    expected = n_places * probability
    n_gaps = int(expected + 6 * np.sqrt(expected) + 10)
    places = np.cumsum(generator.geometric(probability, n_gaps)) - 1
    while places[-1] < n_places:
        places = np.concatenate([places, places[-1] + np.cumsum(generator.geometric(probability, n_gaps))])
    return places[: np.searchsorted(places, n_places)]


def _dropped(spikes: _Spikes, generator: Generator, probability: float) -> Iterator[Mask]:
    if probability:
        yield generator.random(len(spikes.step), np.float32) >= np.float32(probability)


def _time_masked(spikes: _Spikes, generator: Generator, config: AugmentConfig) -> Iterator[Mask]:
    if not config.time_mask:
        return
    n, longest = spikes.n_samples, round(config.time_mask * spikes.n_steps)
    drawn = generator.integers(0, longest + 1, n) if config.time_mask_varies else np.full(n, longest)
    first, length = _bands(generator, drawn, spikes.n_steps, config.time_mask_probability)
    keep = np.ones(len(spikes.step), bool)
    for low, high, start, steps in zip(spikes.offsets[:-1], spikes.offsets[1:], first, length):
        silent = np.searchsorted(spikes.step[low:high], np.array([start, start + steps], np.int32))
        keep[low + silent[0] : low + silent[1]] = False
    yield keep


def _neurons_masked(spikes: _Spikes, generator: Generator, config: AugmentConfig) -> Iterator[Mask]:
    if not config.neuron_mask:
        return
    drawn = generator.integers(0, config.neuron_mask + 1, spikes.n_samples)
    first, width = _bands(generator, drawn, spikes.shape[-1], config.neuron_mask_probability)
    since = spikes.x - spikes.spread(first.astype(np.int32))
    yield since.view(np.uint32) >= spikes.spread(width.astype(np.uint32))


def _bands(generator: Generator, length: Ints, size: int, probability: float) -> tuple[Ints, Ints]:
    """Where bands start that lie within `size`, and their lengths: 0 where a sample gets none."""
    first = generator.integers(0, size - length + 1)
    return first, np.where(generator.random(len(length)) < probability, length, 0)


def _unfit(config: AugmentConfig, events: Events) -> Iterator[str]:
    image = len(events.shape) == 3
    if not image:
        for name in ("flip_probability", "shift_y"):
            if getattr(config, name):
                yield f"{name}: needs a camera or image, shape (C, H, W), got shape {events.shape}"
    sizes = {"shift_x": events.shape[-1], "neuron_mask": events.shape[-1], "shift_steps": max(events.n_steps, 1)}
    for name, size in {**sizes, **({"shift_y": events.shape[1]} if image else {})}.items():
        if getattr(config, name) > size:
            yield f"{name}: must be at most {size}, which is all of the input, got {getattr(config, name)}"
