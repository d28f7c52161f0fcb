"""Mel spectrograms in decibels: the front end that turns audio into analogue channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from lapilli.netx_exports.errors import ProblemsError
from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AtLeastZero, Bounds, Count, within

FLOOR = 1e-10
"""Least power, -100 dB: what silence and channels without a frequency give."""

_ZERO_CROSSINGS = 6
_ROLLOFF = 0.99
_MAX_RATE = 1 << 20
_MAX_TRANSFORM = 1 << 16


class AudioError(ProblemsError):
    """Audio or settings of which no spectrogram can be made."""


@configuration("audio", AudioError)
@dataclass(frozen=True)
class MelConfig:
    """How audio becomes a mel spectrogram.

    The defaults fit 8 kHz and 16 kHz speech and leave no channel empty; `SPIKESCR` is what SpikeSCR's code does.
    """

    seconds: Annotated[float, AfterValidator(Bounds(0, 3600, above=True))] | None = 1.0
    """Length that recordings are padded (with silence, at the end) or cut to. None leaves them as they are."""

    sample_rate: Annotated[int, within(1, _MAX_RATE)] = 8000
    """Rate in Hz that the audio is resampled to first."""

    n_fft: Annotated[int, within(2, _MAX_TRANSFORM)] = 256
    """Samples of a frame, for a periodic Hann window and its Fourier transform."""

    hop: Count = 80
    """Samples from one frame to the next. At 8 kHz, 80 are 10 ms. A second then has 101 frames, for 100 hops and
    one."""

    n_mels: Annotated[int, within(1, _MAX_TRANSFORM)] = 40
    """Channels, which are triangles of equal width on the mel scale that overlap by half."""

    f_min: AtLeastZero = 50.0
    """Lower end of the lowest channel, Hz."""

    f_max: AtLeastZero = 4000.0
    """Upper end of the highest channel, Hz. Channels above half of `sample_rate` are always empty."""

    def __post_init__(self) -> None:
        refuse([] if self.f_min < self.f_max else [f"f_max: must be above f_min, {self.f_min}, got {self.f_max}"])


DEFAULT_MEL = MelConfig()

SPIKESCR = MelConfig(n_mels=140, f_max=14000.0)
"""As in SpikeSCR's released code: `f_max` lies above 4 kHz, so that 53 of the 140 channels never hear anything."""


def log_mel(audio: npt.ArrayLike, rate: int, config: MelConfig = DEFAULT_MEL) -> npt.NDArray[np.float64]:
    """Mel spectrogram in decibels.

    Padding or cutting to `seconds`, resampling, power spectrogram with frames centred (the ends mirrored),
    mel channels, 10 log10 of the power, at least -100: `torchaudio.transforms.Resample`, `MelSpectrogram` and
    `AmplitudeToDB` with their defaults, in float64.

    Arguments:
        audio: (…, samples), floats (full scale is 1) or int16 (full scale is 32768).
        rate: of the audio, Hz.
        config: what to make.

    Returns:
        (…, n_mels, 1 + samples // hop), dB; the samples counted after resampling.

    Raises:
        AudioError: listing every problem.
    """
    samples = np.asarray(audio)
    if problems := list(_audio_problems(samples, rate)):
        raise AudioError("audio", problems)
    waveform = samples / 32768 if samples.dtype == np.int16 else samples.astype(np.float64)
    if config.seconds is not None:
        waveform = _fitted(waveform, round(config.seconds * rate))
    waveform = resampled(waveform, rate, config.sample_rate)
    if waveform.shape[-1] <= config.n_fft // 2:
        raise too_short(config, waveform.shape[-1])
    return decibels(power_spectrogram(waveform, config.n_fft, config.hop), config)


def decibels(power: npt.NDArray[np.float64], config: MelConfig) -> npt.NDArray[np.float64]:
    """Power of the mel channels in decibels, at least -100.

    A frame gives the same bits alone as among others: each channel adds up its frequencies one by one from the lowest
    on, which a product of matrices does not promise.

    Arguments:
        power: (…, n_fft // 2 + 1, frames), as of `power_spectrogram`.
        config: with the channels.

    Returns:
        (…, n_mels, frames).
    """
    total = np.zeros((*power.shape[:-2], config.n_mels, power.shape[-1]))
    for place, weight in zip(*_triangles(config)):
        total += weight[:, None] * power[..., place, :]
    return 10 * np.log10(np.maximum(total, FLOOR))


def resampled(waveform: npt.NDArray[np.float64], rate: int, new_rate: int) -> npt.NDArray[np.float64]:
    """The same sound at another rate: sinc interpolation under a Hann window, as torchaudio's default.

    Arguments:
        waveform: (…, samples).
        rate, new_rate: Hz, whole numbers.

    Returns:
        (…, ceil(samples * new_rate / rate)).
    """
    up, down = new_rate // gcd(rate, new_rate), rate // gcd(rate, new_rate)
    if up == down:
        return waveform
    # The lower of the two rates, in cycles of the common period, less a margin, is where the filter cuts.
    cutoff = min(up, down) * _ROLLOFF
    width = int(np.ceil(_ZERO_CROSSINGS * up * down / cutoff))
    crossings = np.arange(-width, width + 1) / (up * down) * cutoff
    window = np.cos(np.clip(crossings / _ZERO_CROSSINGS, -1, 1) * np.pi / 2) ** 2
    # Late, because the base install has no scipy, and audio that has the right rate does not need it.
    from scipy.signal import resample_poly

    # It multiplies by `up` to make good for the zeros that it puts between samples.
    return resample_poly(waveform, up, down, axis=-1, window=np.sinc(crossings) * window * cutoff / (up * down))


def power_spectrogram(waveform: npt.NDArray[np.float64], n_fft: int, hop: int) -> npt.NDArray[np.float64]:
    """Squared magnitudes of the Fourier transform of frames under a periodic Hann window.

    Arguments:
        waveform: (…, samples), more than `n_fft // 2`; mirrored at both ends: frame i is centred on sample i * hop.
        n_fft: samples of a frame.
        hop: samples from one frame to the next.

    Returns:
        (…, n_fft // 2 + 1, 1 + samples // hop).
    """
    edges = [(0, 0)] * (waveform.ndim - 1) + [(n_fft // 2, n_fft // 2)]
    return frame_power(np.pad(waveform, edges, mode="reflect"), n_fft, hop)


def frame_power(samples: npt.NDArray[np.float64], n_fft: int, hop: int) -> npt.NDArray[np.float64]:
    """As `power_spectrogram`, but the first frame begins with the first sample and nothing is mirrored.

    Returns:
        (…, n_fft // 2 + 1, frames): as many as fit into the samples, which are at least `n_fft`.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)[..., ::hop, :]
    spectrum = np.fft.rfft(frames * _hann(n_fft), axis=-1)
    return np.moveaxis(spectrum.real**2 + spectrum.imag**2, -1, -2)


@lru_cache(maxsize=16)
def mel_filters(config: MelConfig) -> npt.NDArray[np.float64]:
    """Weight of every frequency in every channel, (n_fft // 2 + 1, n_mels).

    Triangles of height 1 whose corners are equally spaced in mel, 2595 log10(1 + f / 700 Hz) (as in
    HTK), without normalisation: `torchaudio.functional.melscale_fbanks` with its defaults.
    """
    frequencies = np.linspace(0, config.sample_rate // 2, config.n_fft // 2 + 1)
    low, high = (2595 * np.log10(1 + frequency / 700) for frequency in (config.f_min, config.f_max))
    corners = 700 * (10 ** (np.linspace(low, high, config.n_mels + 2) / 2595) - 1)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequencies[:, None] - left) / (centre - left)
    falling = (right - frequencies[:, None]) / (right - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=16)
def _triangles(config: MelConfig) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """What each channel adds up, from the lowest frequency on: frequencies and their weights, (widest, n_mels) each."""
    filters = mel_filters(config)
    widest = max(1, int((filters > 0).sum(axis=0).max()))
    places = (filters > 0).argmax(axis=0) + np.arange(widest)[:, None]
    # A narrow channel near the upper end has weights of 0 beyond its own frequencies.
    weights = np.where(places < len(filters), np.take_along_axis(filters, places % len(filters), axis=0), 0)
    return places % len(filters), weights


@lru_cache(maxsize=16)
def _hann(length: int) -> npt.NDArray[np.float64]:
    """A periodic Hann window, bit for bit scipy's, which the base install does not have."""
    return 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length + 1)[:-1])


def empty_channels(config: MelConfig) -> npt.NDArray[np.int64]:
    """Channels that hear no frequency: above half of the sample rate, or narrower than the transform resolves."""
    return np.flatnonzero(mel_filters(config).max(axis=0) == 0)


def too_short(config: MelConfig, n_samples: int) -> AudioError:
    """What is raised of audio that has not enough samples to be mirrored at its ends."""
    at_least = f"{config.n_fft // 2 + 1} samples at {config.sample_rate} Hz"
    return AudioError("audio", [f"too short: needs at least {at_least}, got {n_samples}"])


def _fitted(waveform: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    missing = max(0, length - waveform.shape[-1])
    return np.pad(waveform[..., :length], [(0, 0)] * (waveform.ndim - 1) + [(0, missing)])


def _audio_problems(samples: npt.NDArray[Any], rate: int) -> Iterator[str]:
    if not 1 <= rate <= _MAX_RATE:
        yield f"rate: must be 1…{_MAX_RATE}, got {rate}"
    if samples.ndim < 1 or not samples.size:
        yield f"must be (…, samples) with at least one sample, got shape {samples.shape}"
    if samples.dtype != np.int16 and samples.dtype.kind != "f":
        yield f"must be floats or int16, got {samples.dtype}"
    elif not np.isfinite(samples).all():
        yield "must be finite, got NaN or infinity"
