"""A microphone, by the package `sounddevice`."""

import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install

Blocks = Generator[npt.NDArray[np.float64], None, None]


@contextmanager
def microphone(rate: int, block: int, device: str | None) -> Iterator[Blocks]:
    """Yields the blocks that a microphone hears from the first one on that somebody asks for, without end.

    Arguments:
        rate: samples in a second.
        block: samples of a block, full scale is 1.
        device: a part of the microphone's name, or its number; None: the usual one.

    Raises:
        LapilliError: where `sounddevice` or the microphone is missing, or refuses.
    """
    sounddevice = _sounddevice()
    wanted = int(device) if device is not None and device.isdecimal() else device
    kind = {"samplerate": rate, "blocksize": block, "channels": 1, "dtype": "int16", "latency": "low"}
    try:
        stream = sounddevice.InputStream(device=wanted, **kind)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise LapilliError(f"--microphone: {error}") from error
    try:
        with closing(_blocks(stream, block)) as blocks:
            yield blocks
    except sounddevice.PortAudioError as error:
        raise LapilliError(f"--microphone: {error}") from error


def _blocks(stream: Any, block: int) -> Blocks:
    said = False
    # Here, because what was heard before somebody asks would be lost.
    with stream:
        while True:
            samples, lost = stream.read(block)
            if lost and not said:
                said = True
                print("lapilli: the microphone has lost sound, because this machine was too slow", file=sys.stderr)
            yield samples[:, 0] / 32768


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise LapilliError(f"--microphone needs {error.name}: {how_to_install('microphone')}") from error
    except OSError as error:
        needed = "sounddevice needs PortAudio, as of apt-get install libportaudio2"
        raise LapilliError(f"--microphone: {error}; {needed}") from error
    found: ModuleType = sounddevice
    return found
