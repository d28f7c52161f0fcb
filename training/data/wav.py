"""WAV sound, read from its beginning to its end: files, pipes and recordings that somebody is still writing."""

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError

STANDARD_INPUT = "-"

FloatArray = npt.NDArray[np.float64]

PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {(PCM, 16): "<i2", (PCM, 32): "<i4", (_FLOAT, 32): "<f4", (_FLOAT, 64): "<f8"}
_WIDTHS = {PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_NAMES = {PCM: "whole numbers", _FLOAT: "floats"}
_LARGEST = {"channels": 64, "samples in a second": 1 << 20}
_LONGEST_CHUNK = 1 << 16
"""Bytes of a description of the format, which are 16 to 40 in any honest file."""
_LOUDEST = 1e100
"""Times full scale. The power of what is louder might not be finite."""


@dataclass(frozen=True)
class WavFormat:
    """What the header of a WAV file says.

    Arguments:
        code: 1 for whole numbers, 3 for floats.
        channels: of the sound.
        rate: samples in a second.
        bits: of a sample of a channel.
    """

    code: int
    channels: int
    rate: int
    bits: int

    def __str__(self) -> str:
        return f"{_NAMES[self.code]} of {self.bits} bits, channels {self.channels}, {self.rate:,} Hz"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one moment of all channels."""
        return self.channels * self.bits // 8

    def decoded(self, content: bytes) -> FloatArray:
        """The mean of the channels, full scale is 1: (samples,)."""
        if (self.code, self.bits) == (PCM, 8):
            values = (np.frombuffer(content, np.uint8).astype(np.float64) - 128) / 128
        elif (self.code, self.bits) == (PCM, 24):
            wide = np.zeros((len(content) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0] / (1 << 31)
        else:
            raw = np.frombuffer(content, _TYPES[self.code, self.bits])
            values = raw.astype(np.float64) if self.code == _FLOAT else raw / (1 << (self.bits - 1))
        if self.channels == 1:
            return values
        # The mean of what is not finite, or too large, is refused by whoever reads it.
        with np.errstate(over="ignore", invalid="ignore"):
            return values.reshape(-1, self.channels).mean(axis=1)


class Wav:
    """Sound that is read some samples at a time.

    Arguments:
        file: open for reading; it need not be seekable.
        name: of it, for errors.

    Raises:
        FormatError: when it is no WAV sound, or of a kind that is not read.
        LapilliError: when it cannot be read.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name = file, name
        self.format, self._left = self._header()
        self._given = 0

    def read(self, n_samples: int) -> FloatArray:
        """The next samples, fewer only at the end: the mean of the channels, full scale is 1."""
        wanted = n_samples * self.format.frame_bytes
        content = self._bytes(wanted if self._left is None else min(wanted, self._left))
        if self._left is not None:
            self._left -= len(content)
        # A recording that was cut off may end in the midst of a sample.
        found = self.format.decoded(content[: len(content) // self.format.frame_bytes * self.format.frame_bytes])
        if not np.isfinite(found).all():
            raise FormatError(self.name, [f"must be finite, got NaN or infinity behind sample {self._given}"])
        if len(found) and np.abs(found).max() > _LOUDEST:
            raise FormatError(
                self.name, [f"must be at most {_LOUDEST:g} times full scale, got more behind sample {self._given}"]
            )
        self._given += len(found)
        return found

    @property
    def missing_bytes(self) -> int:
        """Bytes of sound that the header promises and that were not read yet; 0 where it promises nothing."""
        return self._left or 0

    def blocks(self, n_samples: int) -> Iterator[FloatArray]:
        """All samples, so many at a time; the last are fewer."""
        while len(found := self.read(n_samples)):
            yield found

    def _header(self) -> tuple[WavFormat, int | None]:
        """The format, and how many bytes of sound follow; None where the header does not know that."""
        start = self._bytes(12)
        if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
            raise FormatError(self.name, ["is no WAV file: it must begin with RIFF and WAVE"])
        found: WavFormat | None = None
        while len(head := self._bytes(8)) == 8:
            name, size = head[:4], struct.unpack("<I", head[4:])[0]
            if name == b"data":
                if found is None:
                    raise FormatError(self.name, ["its sound comes before its format"])
                # What writes to a pipe does not know the length and says 0 or the largest.
                return found, None if size in (0, 0xFFFFFFFF) else size
            if name == b"fmt ":
                if size > _LONGEST_CHUNK:
                    raise FormatError(self.name, [f"its format must take at most {_LONGEST_CHUNK} bytes, got {size}"])
                found = self._format(self._bytes(size))
                self._bytes(size % 2)
            else:
                self._skip(size + size % 2)
        raise FormatError(self.name, ["ends before its sound begins"])

    def _format(self, content: bytes) -> WavFormat:
        if len(content) < 16:
            raise FormatError(self.name, [f"its format must take 16 bytes, got {len(content)}"])
        code, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", content[:16])
        if code == _EXTENSIBLE and len(content) >= 26:
            code = struct.unpack("<H", content[24:26])[0]
        if bits not in _WIDTHS.get(code, ()):
            kind = _NAMES.get(code, f"kind {code}")
            raise FormatError(
                self.name,
                [f"must be whole numbers of 8, 16, 24 or 32 bits, or floats of 32 or 64, got {kind} of {bits} bits"],
            )
        problems = [
            f"{what}: must be 1…{_LARGEST[what]}, got {value}"
            for what, value in (("channels", channels), ("samples in a second", rate))
            if not 1 <= value <= _LARGEST[what]
        ]
        found = WavFormat(code, channels, rate, bits)
        if not problems and frame_bytes != found.frame_bytes:
            problems = [f"a moment of all channels must take {found.frame_bytes} bytes, got {frame_bytes}"]
        if problems:
            raise FormatError(self.name, problems)
        return found

    def _skip(self, size: int) -> None:
        while size > 0 and (found := self._bytes(min(size, _LONGEST_CHUNK))):
            size -= len(found)

    def _bytes(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise LapilliError(f"cannot read {self.name}: {error.strerror or error}") from error


@contextmanager
def opened_wav(path: str) -> Iterator[Wav]:
    """A WAV file; `-` is the standard input.

    Raises:
        LapilliError: when it cannot be read.
        FormatError: when it is no WAV sound, or of a kind that is not read.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise LapilliError("the standard input is closed")
        yield Wav(sys.stdin.buffer, "standard input")
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise LapilliError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    with file:
        yield Wav(file, path)
