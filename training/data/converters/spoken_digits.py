"""FSDD: `recordings/{digit}_{speaker}_{take}.wav` of the repository becomes `fsdd.npz`."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.training.data.audio import RATE
from lapilli.training.data.converters.folder import origin_folder
from lapilli.training.data.converters.made import Made, Say, archive, counted, offsets
from lapilli.training.data.sets import DataError
from lapilli.training.data.wav import PCM, Wav, WavFormat

_NAME = re.compile(r"([0-9])_([a-z]{1,32})_([0-9]{1,2})\.wav")
_MOST_BYTES = 1 << 22
_FORMAT = WavFormat(PCM, 1, RATE, 16)


def convert(root: Path, say: Say) -> Iterator[Made]:
    """The archive, recordings in the order of their names.

    Arguments:
        root: a clone of the repository, or its folder of recordings.
        say: is told how far it is.

    Raises:
        LapilliError: when no recording is there, or one cannot be read.
        FormatError: for a file that is no mono WAV of 8 kHz and 16 bits.
    """
    folder = origin_folder(root, ("recordings", ""), _NAME, "recordings {digit}_{speaker}_{take}.wav")
    audio, facts = [], []
    for name in counted(folder, folder.names(_NAME), say):
        audio.append(_samples(folder.read(name, _MOST_BYTES), str(folder.place / name)))
        digit, speaker, take = name.removesuffix(".wav").split("_")
        facts.append((int(digit), speaker, int(take)))
    arrays = {
        "audio": np.concatenate(audio),
        "offsets": offsets([len(samples) for samples in audio]),
        "label": np.array([digit for digit, _, _ in facts], np.uint8),
        "speaker": np.array([speaker for _, speaker, _ in facts]),
        "index": np.array([take for _, _, take in facts], np.uint8),
        "rate": np.int64(RATE),
    }
    yield archive("fsdd.npz", arrays)


def _samples(content: bytes, path: str) -> npt.NDArray[np.int16]:
    """The samples of a WAV file: (samples,)."""
    wav = Wav(BytesIO(content), path)
    if wav.format != _FORMAT:
        raise DataError(path, [f"must be {_FORMAT}, got {wav.format}"])
    found = wav.read(len(content))
    if wav.missing_bytes or not len(found):
        raise DataError(path, [f"must hold sound to its end, {wav.missing_bytes} bytes are missing"])
    # Full scale is 1 there; products with a power of two are exact.
    return (found * (1 << 15)).astype(np.int16)
