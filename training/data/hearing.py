"""Sound that is just being heard, as steps of events: the same that its data set makes of the whole recording."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.analogue import series_shape
from lapilli.training.data.encoders import StreamEncoder, to_unit
from lapilli.training.data.framing import Framing
from lapilli.training.data.mel import MelConfig
from lapilli.training.data.mel_stream import MelStream

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ear:
    """How a data set makes steps of sound: a frame of a mel spectrogram for each.

    Arguments:
        mel: the spectrogram.
        decibels: power that becomes 0, and power that becomes 1.
        framing: how frames become events.
        classes: names of what is heard.
    """

    mel: MelConfig
    decibels: tuple[float, float]
    framing: Framing
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be heard as it comes.

        Raises:
            LapilliError: naming the setting.
        """
        if self.framing.start_ms:
            raise LapilliError(f"start_ms: sound is heard from its beginning, got {self.framing.start_ms:g}")
        self.hearing()

    @property
    def rate(self) -> int:
        """Of the sound in Hz."""
        return self.mel.sample_rate

    @property
    def hop(self) -> int:
        """Samples from one step to the next."""
        return self.mel.hop

    @property
    def step_ms(self) -> float:
        """Width of a step in ms."""
        return 1000 * self.hop / self.rate

    @property
    def ahead_ms(self) -> float:
        """How much of the sound behind its moment a step needs, in ms."""
        return 1000 * (self.mel.n_fft // 2) / self.rate

    @property
    def fewest(self) -> int:
        """Samples of the shortest sound of which there are steps."""
        return self.mel.n_fft // 2 + 1

    @property
    def shape(self) -> tuple[int]:
        """Of the events of a step."""
        return series_shape(self.framing, self.mel.n_mels, signed=False)

    def hearing(self) -> "Hearing":
        """What hears one sound, from its beginning on."""
        return Hearing(self)


class Hearing:
    """One sound at an ear.

    Arguments:
        ear: that hears it.
    """

    def __init__(self, ear: Ear) -> None:
        framing = ear.framing
        self._ear = ear
        self._stream = MelStream(ear.mel)
        self._encoder = StreamEncoder(ear.mel.n_mels, framing.encoder, framing.levels, framing.threshold)

    def feed(self, samples: npt.NDArray[np.float64]) -> Int32:
        """Events of the steps that are known with some more samples, of which full scale is 1: (channels, steps)."""
        return self._events(self._stream.feed(samples))

    def end(self) -> Int32:
        """Events of the last steps: (channels, steps); nothing may be fed after that.

        Raises:
            LapilliError: when the sound was shorter than a step needs.
        """
        return self._events(self._stream.end())

    def _events(self, decibels: npt.NDArray[np.float64]) -> Int32:
        return self._encoder(to_unit(decibels, *self._ear.decibels))
