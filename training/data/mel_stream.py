"""Mel spectrograms of sound that is just being heard: each frame as soon as the last of its samples is there."""

import numpy as np
import numpy.typing as npt

from lapilli.training.data.mel import AudioError, MelConfig, decibels, frame_power, too_short

FloatArray = npt.NDArray[np.float64]


class MelStream:
    """The frames of `log_mel`, bit for bit, of sound that comes piece by piece.

    Frame i is centred on sample i * hop. So it is known n_fft / 2 samples after that one, the last frames at the end.

    Arguments:
        config: whose `seconds` must be None; the sound has its `sample_rate`.

    Raises:
        AudioError: for settings of which there is no stream.
    """

    def __init__(self, config: MelConfig) -> None:
        problems = [] if config.seconds is None else [f"seconds: must be null for a stream, got {config.seconds:g}"]
        if config.hop > config.n_fft:
            problems.append(f"hop: must be at most n_fft, {config.n_fft}, for a stream, got {config.hop}")
        if problems:
            raise AudioError("audio", problems)
        self._config = config
        self._side = config.n_fft // 2
        self._n_samples = 0
        self._waiting = np.zeros(0)
        """From the first sample of the next frame on; before anything is mirrored, all of them."""
        self._last = np.zeros(0)
        """As many samples as are mirrored at the end, and one."""

    def feed(self, samples: FloatArray) -> FloatArray:
        """The frames that are known with some more samples, dB: (n_mels, frames)."""
        begins = self._n_samples <= self._side
        self._n_samples += len(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        self._last = np.concatenate([self._last, samples])[-self._side - 1 :]
        if self._n_samples <= self._side:
            return self._none()
        if begins:
            self._waiting = np.concatenate([self._waiting[self._side : 0 : -1], self._waiting])
        return self._frames()

    def end(self) -> FloatArray:
        """The last frames, dB: (n_mels, frames); nothing may be fed after that.

        Raises:
            AudioError: when there was less sound than the end needs to be mirrored.
        """
        if self._n_samples <= self._side:
            raise too_short(self._config, self._n_samples)
        self._waiting = np.concatenate([self._waiting, self._last[-2::-1]])
        return self._frames()

    def _frames(self) -> FloatArray:
        if len(self._waiting) < self._config.n_fft:
            return self._none()
        power = frame_power(self._waiting, self._config.n_fft, self._config.hop)
        self._waiting = self._waiting[power.shape[-1] * self._config.hop :]
        return decibels(power, self._config)

    def _none(self) -> FloatArray:
        return np.zeros((self._config.n_mels, 0))
