"""WAV files of strangers: PCM, one channel, 16 bits."""

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lapilli.training.data.sets import DataError

_PCM, _EXTENSIBLE = 1, 0xFFFE
_FORMAT = struct.Struct("<HHIIHH")


def wave_samples(content: bytes, rate: int, path: str) -> npt.NDArray[np.int16]:
    """The samples of a WAV file.

    Arguments:
        content: of the file.
        rate: that it must have, in Hz.
        path: of the file, for errors.

    Returns:
        (samples,)

    Raises:
        DataError: for anything but whole PCM of one channel, 16 bits and that rate.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(path, ["is no WAV file"])
    chunks: dict[bytes, bytes] = {}
    for name, chunk in _chunks(content, path):
        chunks.setdefault(name, chunk)
    if missing := [name.decode() for name in (b"fmt ", b"data") if name not in chunks]:
        raise DataError(path, [f"has no chunk {missing[0].strip()!r}"])
    _check_format(chunks[b"fmt "], rate, path)
    data = chunks[b"data"]
    if not data or len(data) % 2:
        raise DataError(path, [f"must hold samples of 2 bytes, got {len(data)} bytes"])
    return np.frombuffer(data, "<i2").astype(np.int16)


def _chunks(content: bytes, path: str) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        if place + 8 + size > len(content):
            raise DataError(path, [f"ends within its chunk {name.decode('latin1').strip()!r}"])
        yield name, content[place + 8 : place + 8 + size]
        # Chunks begin at even places.
        place += 8 + size + size % 2


def _check_format(chunk: bytes, rate: int, path: str) -> None:
    if len(chunk) < _FORMAT.size:
        raise DataError(path, ["its format is cut off"])
    kind, channels, found_rate, _, _, bits = _FORMAT.unpack_from(chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        # The kind itself begins the long identifier that follows.
        kind = int.from_bytes(chunk[24:26], "little")
    if (kind, channels, found_rate, bits) != (_PCM, 1, rate, 16):
        found = f"format {kind}, {channels} channels, {found_rate} Hz, {bits} bits"
        raise DataError(path, [f"must be PCM of 1 channel, {rate} Hz, 16 bits, got {found}"])
