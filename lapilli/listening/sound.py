"""Sound of a WAV file at the rate of an ear, in hops."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install_module
from lapilli.training.data.hearing import Ear
from lapilli.training.data.mel import resampled
from lapilli.training.data.wav import Wav

FloatArray = npt.NDArray[np.float64]

_PIECE = 1 << 16
"""Samples that are read at a time, so that memory is taken for what is there, not for what a header promises."""
_LONGEST = 1 << 27
"""Samples that are resampled, which happens in memory: 46 minutes at 48 kHz."""


def hops_of_wav(wav: Wav, ear: Ear) -> Iterator[FloatArray]:
    """The sound in blocks of a hop, resampled first where it has another rate; the last one may be shorter.

    Raises:
        LapilliError: where there is no scipy to resample, or too much to resample.
        FormatError: for sound that is not finite.
    """
    if wav.format.rate == ear.rate:
        yield from wav.blocks(ear.hop)
        return
    sound = _whole(wav)
    if not len(sound):
        return
    try:
        sound = resampled(sound, wav.format.rate, ear.rate)
    except ModuleNotFoundError as error:
        rates = f"{wav.format.rate} Hz and must be resampled to {ear.rate} Hz"
        raise LapilliError(
            f"{wav.name} has {rates}, which needs {error.name}: {how_to_install_module(error.name)}"
        ) from error
    for first in range(0, len(sound), ear.hop):
        yield sound[first : first + ear.hop]


def _whole(wav: Wav) -> FloatArray:
    """All of a sound that is not too long to be resampled."""
    pieces, n_samples = [np.zeros(0)], 0
    for piece in wav.blocks(_PIECE):
        n_samples += len(piece)
        if n_samples > _LONGEST:
            raise LapilliError(f"{wav.name}: at most {_LONGEST:,} samples can be resampled, and it has more")
        pieces.append(piece)
    return np.concatenate(pieces)


def notes(wav: Wav, ear: Ear) -> Iterator[str]:
    """What becomes of sound that is not as the network knows it, a sentence each."""
    if wav.format.rate != ear.rate:
        yield f"{wav.name} has {wav.format.rate:,} Hz and is resampled to {ear.rate:,} Hz"
    if wav.format.channels > 1:
        yield f"{wav.name} has {wav.format.channels} channels, and their mean is heard"
