"""A microphone, by the package `sounddevice`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install


@contextmanager
def microphone(rate: int, block: int, device: str | None) -> Iterator[Iterator[npt.NDArray[np.float64]]]:
    """Yields the blocks that a microphone hears, until somebody stops asking.

    Arguments:
        rate: samples in a second.
        block: samples of a block.
        device: a part of the microphone's name, or its number; None: the usual one.

    Raises:
        LapilliError: where `sounddevice` or the microphone is missing, or refuses.
    """
    sounddevice = _sounddevice()
    wanted = int(device) if device is not None and device.isdecimal() else device
    try:
        stream = sounddevice.InputStream(
            samplerate=rate, blocksize=block, device=wanted, channels=1, dtype="int16", latency="low"
        )
        with stream:
            yield _blocks(stream, block)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise LapilliError(f"--microphone: {error}") from error


def _blocks(stream: object, block: int) -> Iterator[npt.NDArray[np.float64]]:
    said = False
    while True:
        samples, lost = stream.read(block)  # type: ignore[attr-defined]
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
