"""Speech commands as pictures of spectrograms: Google Speech Commands v2, ten keywords and other words."""

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import SERIES, blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.checks import check_members, empty_problems, offsets_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.origins import SPEECH_COMMANDS_SPECTROGRAMS as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

N_FRAMES, N_BANDS = 98, 40
FRAME_MS = 10.0

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
CLASSES = (*KEYWORDS, "unknown", "silence")
UNKNOWN, SILENCE = len(KEYWORDS), len(KEYWORDS) + 1

_FOLDERS = {word: label for label, word in enumerate(KEYWORDS)} | {"unknown": UNKNOWN, "_background_noise_": SILENCE}
_DIMENSIONS = {"jpg": 1, "offsets": 1, "name": 1}
_NAME = re.compile(r"([a-z_]+)/(?:([0-9a-f]+)_nohash_[0-9]+\.[a-z]+|[0-9]+_background)\.jpg")
_HASHES = 2**27 - 1
_TENTH = 10

LongArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]


def official_part(speaker: str) -> int:
    """Part to which all recordings of a speaker belong.

    The rule of Speech Commands (Warden 2018, `which_set` in its README): the SHA-1 of the speaker's name, as a
    percentage; below 10 validation, below 20 test.

    Arguments:
        speaker: the file's name in front of `_nohash_`.
    """
    number = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percentage = number % (_HASHES + 1) * (100 / _HASHES)
    return VALIDATION if percentage < _TENTH else TEST if percentage < 2 * _TENTH else TRAIN


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `gsc_v2_spec_jpg.npz`, whose format is described in the README beside it."""
    path = paths[0]
    with open_members(path, DataError, "iuS") as members:
        check_members(path, members, _DIMENSIONS)
        jpg, offsets, raw = (members[name].read_all() for name in _DIMENSIONS)
    offsets = offsets.astype(np.int64)
    problems = [] if raw.dtype.kind == "S" else [f"name: must be bytes, got {raw.dtype}"]
    problems += [] if jpg.dtype == np.uint8 else [f"jpg: must be bytes, got {jpg.dtype}"]
    problems += offsets_problems("offsets", offsets, len(jpg), len(raw))
    if problems := problems or empty_problems("spectrogram", np.diff(offsets)):
        raise DataError(str(path), problems)
    labels, speakers = _names(path, [name.decode("latin1") for name in raw.tolist()])
    known = sorted(set(speakers) - {""})
    number = {speaker: place for place, speaker in enumerate(known)} | {"": -1}
    part = {speaker: official_part(speaker) for speaker in known}
    background = np.cumsum(labels == SILENCE) % _TENTH
    parts = np.array([part.get(speaker, NO_PART) for speaker in speakers])
    # Pieces of background noise have no speaker: every tenth is validation, every tenth test.
    noise = np.where(background == 0, VALIDATION, np.where(background == 1, TEST, TRAIN))
    n_steps, lengths = series_lengths("speech-commands-spectrograms", framing, FRAME_MS, np.full(len(labels), N_FRAMES))
    return Framed(
        series_shape(framing, N_BANDS, signed=False),
        n_steps,
        framing.bin_ms or FRAME_MS,
        labels,
        np.array([number[speaker] for speaker in speakers]),
        lengths,
        np.where(labels == SILENCE, noise, parts),
        value_type(framing),
        blocks(len(labels), _reader(path, jpg, offsets, lengths, framing, n_steps)),
    )


def _names(path: Path, names: Sequence[str]) -> tuple[LongArray, list[str]]:
    """Label and speaker of each recording; no speaker of background noise."""
    labels, speakers, problems = [], [], []
    for number, name in enumerate(names):
        match = _NAME.fullmatch(name)
        if match is None or match[1] not in _FOLDERS or (match[2] is None) != (match[1] == "_background_noise_"):
            problems.append(f"name {number}: must be class/speaker_nohash_k.word.jpg, got {name!r}")
            continue
        labels.append(_FOLDERS[match[1]])
        speakers.append(match[2] or "")
    if problems:
        more = [f"and {len(problems) - 3} more"] if len(problems) > 3 else []
        raise DataError(str(path), [*problems[:3], *more])
    return np.array(labels, np.int64), speakers


def _reader(
    path: Path, jpg: ByteArray, offsets: LongArray, lengths: LongArray, framing: Framing, n_steps: int
) -> Callable[[int, int], Events]:
    def events_of(low: int, high: int) -> Events:
        frames = [_picture(path, number, jpg[offsets[number] : offsets[number + 1]]) for number in range(low, high)]
        return series_events(frames, lengths[low:high], framing, FRAME_MS, n_steps, signed=False)

    return events_of


def _picture(path: Path, number: int, jpg: ByteArray) -> npt.NDArray[np.float64]:
    """A spectrogram, (bands, frames), 0…1."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpg.tobytes()), formats=("JPEG",)) as image:
            # The size stands in front of what would have to be decoded.
            if image.size != (N_BANDS, N_FRAMES) or image.mode != "L":
                raise DataError(
                    str(path),
                    [f"spectrogram {number}: must be grey and {N_BANDS} × {N_FRAMES}, got {image.mode} {image.size}"],
                )
            return np.asarray(image).T / 255
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(str(path), [f"spectrogram {number}: damaged ({error})"]) from error


def _divide(facts: Facts, split: Split) -> Division:
    parts = facts.parts.copy()
    if not split.silence:
        parts[facts.labels == SILENCE] = NO_PART
    spare = np.flatnonzero((facts.labels == UNKNOWN) & (parts == TRAIN))
    if split.unknown is not None and split.unknown < len(spare):
        # Spread over the whole list, so that all words and speakers stay in it.
        kept = spare[np.arange(split.unknown) * len(spare) // max(split.unknown, 1)]
        parts[np.setdiff1d(spare, kept)] = NO_PART
    return parts, CLASSES if split.silence else CLASSES[:SILENCE]


SPEECH_COMMANDS_SPECTROGRAMS = DataSet(
    "speech-commands-spectrograms",
    title="Google Speech Commands v2 as 98 × 40 spectrograms (lossy, front end unknown): 10 keywords and unknown",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="51,888 words of 2,537 speakers, official split (41,473 / 4,954 / 5,461); 1,000 pieces of background noise",
    framing=SERIES,
    frame=_frame,
    divide=_divide,
    split=("unknown", "silence"),
    unheard="is lossy pictures of spectrograms, and nobody knows by which front end sound became these",
)
