"""Speech commands: the pictures `class/speaker_nohash_k.word.jpg` of the repository become `gsc_v2_spec_jpg.npz`."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.converters.folder import origin_folder
from lapilli.training.data.converters.made import Made, Say, archive, counted, offsets
from lapilli.training.data.sets import DataError
from lapilli.training.data.spectrograms import KEYWORDS

_NOISE = "_background_noise_"
_FOLDERS = sorted((_NOISE, *KEYWORDS, "unknown"))
_PLACES = ("", "dataset", "MLTK_keyworkSpotting/dataset")
_WORD = re.compile(r"[0-9a-f]{1,16}_nohash_[0-9]{1,4}\.[a-z]{1,16}\.jpg")
_PIECE = re.compile(r"[0-9]{1,8}_background\.jpg")
_MOST_BYTES = 1 << 14
_BEGINS = b"\xff\xd8\xff"


def convert(root: Path, say: Say) -> Iterator[Made]:
    """The archive, pictures in the order of their names; they are not decoded.

    Arguments:
        root: a clone of the repository, or its folder `dataset`.
        say: is told how far it is.

    Raises:
        LapilliError: when a folder of a class is not there or empty.
        DataError: for a file that is no JPEG of the size of a spectrogram.
    """
    folder = origin_folder(root, _PLACES, re.compile(re.escape(_NOISE)), f"folder {_NOISE}")
    names = []
    for inner in _FOLDERS:
        found = folder.names(_PIECE if inner == _NOISE else _WORD, inner)
        if not found:
            raise LapilliError(f"found no pictures in {folder.place / inner}")
        names += [f"{inner}/{name}" for name in found]
    pictures = []
    for name in counted(folder, names, say):
        content = folder.read(name, _MOST_BYTES)
        if not content.startswith(_BEGINS):
            raise DataError(str(folder.place / name), ["is no JPEG file"])
        pictures.append(content)
    arrays = {
        "jpg": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": offsets([len(content) for content in pictures]),
        "name": np.array([name.encode("ascii") for name in names]),
    }
    yield archive("gsc_v2_spec_jpg.npz", arrays)
