"""Audio: spoken digits, as mel spectrograms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import SERIES, blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.checks import (
    check_members,
    empty_problems,
    length_problems,
    offsets_problems,
    range_problems,
)
from lapilli.training.data.encoders import to_unit
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.hearing import Ear
from lapilli.training.data.mel import AudioError, MelConfig, log_mel
from lapilli.training.data.origins import SPOKEN_DIGITS as ORIGIN
from lapilli.training.data.sets import TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed, hold_out

RATE = 8000
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

LOWEST_DB, HIGHEST_DB = -60.0, 20.0
"""Power of a mel channel that becomes 0, and 1; nearly all of what is spoken lies between."""

_DEFAULT_HOP_MS = 10.0
_TEST_TAKES, _VALIDATION_TAKES = range(5), range(5, 10)
_DIMENSIONS = {"audio": 1, "offsets": 1, "label": 1, "speaker": 1, "index": 1, "rate": 0}


def mel_config(name: str, framing: Framing, rate: int) -> MelConfig:
    """Front end for audio: a frame for each step, windows of 32 ms, longer ones where the hop is.

    Arguments:
        name: of the data set, for errors.
        framing: with `bin_ms` and `bands`.
        rate: of the audio in Hz.

    Raises:
        LapilliError: when the hop is no whole number of audio samples.
    """
    hop_ms = framing.bin_ms or _DEFAULT_HOP_MS
    hop = hop_ms * rate / 1000
    if hop < 1 or abs(hop - round(hop)) > 1e-9:
        raise LapilliError(f"bin_ms: must be a multiple of {1000 / rate:g} ms, a sample of {name}, got {hop_ms:g}")
    n_fft = 1 << (max(round(rate * 0.032), round(hop)) - 1).bit_length()
    return MelConfig(None, rate, n_fft, round(hop), framing.bands, f_max=rate / 2)


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `fsdd.npz`, whose format is described in the README beside it."""
    path = paths[0]
    arrays = _read(path)
    audio, offsets, take = arrays["audio"], arrays["offsets"].astype(np.int64), arrays["index"]
    mel = mel_config("spoken-digits", framing, RATE)
    hop_ms = framing.bin_ms or _DEFAULT_HOP_MS
    n_steps, lengths = series_lengths("spoken-digits", framing, hop_ms, np.diff(offsets) // mel.hop + 1)

    def events_of(low: int, high: int) -> Events:
        frames = []
        for number in range(low, high):
            try:
                decibels = log_mel(audio[offsets[number] : offsets[number + 1]], RATE, mel)
            except AudioError as error:
                raise DataError(str(path), [f"recording {number}: {'; '.join(error.problems)}"]) from error
            frames.append(to_unit(decibels, LOWEST_DB, HIGHEST_DB))
        return series_events(frames, lengths[low:high], framing, hop_ms, n_steps, signed=False)

    return Framed(
        series_shape(framing, framing.bands, signed=False),
        n_steps,
        hop_ms,
        arrays["label"],
        np.unique(arrays["speaker"], return_inverse=True)[1],
        lengths,
        np.where(np.isin(take, _TEST_TAKES), TEST, np.where(np.isin(take, _VALIDATION_TAKES), VALIDATION, TRAIN)),
        value_type(framing),
        blocks(len(lengths), events_of),
    )


def _ear(framing: Framing) -> Ear:
    mel = mel_config("spoken-digits", framing, RATE)
    return Ear(mel, (LOWEST_DB, HIGHEST_DB), framing, CLASSES)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with open_members(path, DataError, "iuU") as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    n_samples = len(arrays["label"])
    types = {"audio": "int16", "speaker": "text", "label": "integers", "index": "integers", "offsets": "integers"}
    kinds = {"int16": "i", "text": "U", "integers": "iu"}
    problems = [
        f"{name}: must be {wanted}, got {arrays[name].dtype}"
        for name, wanted in types.items()
        if arrays[name].dtype.kind not in kinds[wanted] or (wanted == "int16" and arrays[name].dtype.itemsize != 2)
    ]
    if not problems:
        problems += range_problems("rate", arrays["rate"].reshape(1), RATE, RATE)
        problems += length_problems({name: arrays[name] for name in ("speaker", "index")}, n_samples)
        problems += range_problems("label", arrays["label"], 0, len(CLASSES) - 1)
        problems += offsets_problems("offsets", arrays["offsets"], len(arrays["audio"]), n_samples)
    if problems := problems or empty_problems("recording", np.diff(arrays["offsets"].astype(np.int64))):
        raise DataError(str(path), problems)
    return arrays


def _divide(facts: Facts, split: Split) -> Division:
    return hold_out("spoken-digits", facts, split), CLASSES


SPOKEN_DIGITS = DataSet(
    "spoken-digits",
    title="Free Spoken Digit Dataset: audio at 8 kHz, as mel spectrograms; 10 digits, 6 speakers",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="3,000 recordings; takes 0 to 4 of each speaker and digit are for the test (300), 5 to 9 for validation "
    "(300); groups 0 to 5 are the speakers, for harder splits",
    framing=(*SERIES, "bands"),
    frame=_frame,
    divide=_divide,
    split=("validation_groups", "test_groups"),
    ear=_ear,
)
