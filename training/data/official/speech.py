"""Google Speech Commands v2: 35 words, the official lists, mel spectrograms of the audio."""

import wave
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.training.data.analogue import blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.audio import HIGHEST_DB, LOWEST_DB, mel_config
from lapilli.training.data.encoders import to_unit
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.mel import log_mel
from lapilli.training.data.official.files import opened, reading, unpack_whole
from lapilli.training.data.sets import TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

RATE = 16000
FOLDER = "SpeechCommands/speech_commands_v0.02"
ARCHIVE = "speech_commands_v0.02.tar.gz"
NOISE = "_background_noise_"

_LISTS = {VALIDATION: "validation_list.txt", TEST: "testing_list.txt"}
_URL = f"http://download.tensorflow.org/data/{ARCHIVE}"
_SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
_RESAMPLED = 8000
_SECONDS = 1.0
"""As SpikeSCR: padded or cut to a second, at 8 kHz. Of its 140 bands up to 14 kHz, 53 would be empty."""

_LONGEST_S = 10


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    folder = paths[0].parent
    recordings, labels, speakers, parts, classes = _index(folder)
    config = replace(mel_config("speech-commands", framing, _RESAMPLED), seconds=_SECONDS)
    step_ms = 1000 * config.hop / _RESAMPLED
    n_frames = 1 + config.sample_rate // config.hop
    n_steps, lengths = series_lengths("speech-commands", framing, step_ms, np.full(len(labels), n_frames))

    def events_of(low: int, high: int) -> Events:
        frames = [to_unit(log_mel(_audio(path), RATE, config), LOWEST_DB, HIGHEST_DB) for path in recordings[low:high]]
        return series_events(frames, lengths[low:high], framing, step_ms, n_steps, signed=False)

    return Framed(
        series_shape(framing, config.n_mels, signed=False),
        n_steps,
        step_ms,
        labels,
        speakers,
        lengths,
        parts,
        value_type(framing),
        blocks(len(labels), events_of),
        classes,
    )


def _index(
    folder: Path,
) -> tuple[list[Path], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[str, ...]]:
    """All recordings but the background noise, with labels, speakers, parts and the words."""
    with reading(folder):
        recordings = sorted(path for path in folder.glob("*/*_nohash_*.wav") if path.parent.name != NOISE)
        listed = {
            line.strip(): part for part, file in _LISTS.items() for line in (folder / file).read_text().splitlines()
        }
    names = [f"{path.parent.name}/{path.name}" for path in recordings]
    if missing := sorted(set(listed) - {*names, ""}):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(str(folder), [f"{missing[0]}{more}: in an official list, but not there"])
    if not names:
        raise DataError(str(folder), ["holds no recordings"])
    words, labels = np.unique([path.parent.name for path in recordings], return_inverse=True)
    _, speakers = np.unique([path.name.split("_nohash_")[0] for path in recordings], return_inverse=True)
    parts = np.array([listed.get(name, TRAIN) for name in names], np.int64)
    return recordings, labels.astype(np.int64), speakers.astype(np.int64), parts, tuple(map(str, words))


def _audio(path: Path) -> npt.NDArray[np.int16]:
    with reading(path), wave.open(str(path), "rb") as file:
        found = (file.getnchannels(), file.getframerate(), 8 * file.getsampwidth())
        if found != (1, RATE, 16):
            got = "{} at {} Hz of {} bits".format(*found)
            raise DataError(str(path), [f"must have one channel at {RATE} Hz of 16 bits, got {got}"])
        # A header's word on its length is not to be believed.
        n_samples = min(file.getnframes(), RATE * _LONGEST_S)
        audio = np.frombuffer(file.readframes(n_samples), "<i2").astype(np.int16)
    if not n_samples:
        raise DataError(str(path), ["holds no sound"])
    if len(audio) < n_samples:
        raise DataError(str(path), [f"ends after {len(audio)} of {n_samples} samples"])
    return audio


def _divide(facts: Facts, split: Split) -> Division:
    return facts.parts, facts.classes


def _fetch(folder: Path) -> None:
    opened("speech-commands", (ARCHIVE,), folder, _URL, partial(_download, folder))


def _download(folder: Path) -> None:
    """As torchaudio's class, which `lapilli[train]` does not need otherwise: the same address and checksum."""
    import hashlib

    from torch.hub import download_url_to_file

    archive = folder / ARCHIVE
    if not archive.exists():
        download_url_to_file(_URL, str(archive), hash_prefix=_SHA256)
    digest = hashlib.sha256()
    with open(archive, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != _SHA256:
        raise RuntimeError(f"{archive} does not have the official checksum")
    unpack_whole(archive, ".", folder / FOLDER)


SPEECH_COMMANDS = DataSet(
    "speech-commands",
    title="Google Speech Commands v2: 35 words of one second, audio as mel spectrograms",
    licence="CC BY 4.0",
    origin=_URL,
    files=(f"{FOLDER}/validation_list.txt", f"{FOLDER}/testing_list.txt"),
    content="official lists: 84,843 / 9,981 / 11,005 recordings",
    framing=("n_steps", "bin_ms", "start_ms", "encoder", "levels", "threshold", "seed", "bands"),
    frame=_frame,
    divide=_divide,
    fetch=_fetch,
    unheard="is resampled and padded to a second before anything else, so that it needs the whole recording first",
)
