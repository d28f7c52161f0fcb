"""Sounds that are made of numbers: gliding voices, in recordings as of spoken digits and in WAV files."""

import struct
from pathlib import Path

import numpy as np

RATE = 8000


def spoken(rng: np.random.Generator, n_samples: int, rate: int = RATE) -> np.ndarray:
    """A voice that rises and falls, int16."""
    seconds = np.arange(n_samples) / rate
    base, glide = rng.uniform(90, 250), rng.uniform(-80, 80)
    phase = 2 * np.pi * np.cumsum(base + glide * seconds) / rate
    formants = rng.uniform(300, 3000, 3)
    harmonics = np.arange(1, int(3600 // (base + 90)))
    loud = np.exp(-(((harmonics[:, None] * base - formants) / 250) ** 2)).sum(axis=1) + 0.02
    voice = (loud[:, None] * np.sin(harmonics[:, None] * phase)).sum(axis=0)
    envelope = np.sin(np.pi * np.arange(n_samples) / n_samples) ** 0.5
    sound = envelope * voice / np.abs(voice).max() + rng.normal(0, 0.003, n_samples)
    return (sound * rng.uniform(4000, 25000)).astype(np.int16)


def write_recordings(folder: Path, seed: int = 0) -> list[np.ndarray]:
    """Write `fsdd.npz` of 24 recordings, 10 of them for the test; returns them in their order."""
    rng = np.random.default_rng(seed)
    recordings = [spoken(rng, int(rng.integers(400, 4000))) for _ in range(24)]
    np.savez(
        folder / "fsdd.npz",
        audio=np.concatenate(recordings),
        offsets=np.cumsum([0, *map(len, recordings)]).astype(np.int32),
        label=np.arange(24).astype(np.uint8) // 12,
        speaker=np.array(["ada", "bob"] * 12),
        index=np.arange(24).astype(np.uint8) % 12,
        rate=np.int64(RATE),
    )
    return recordings


def wav_bytes(
    samples: np.ndarray, rate: int = RATE, *, code: int = 1, bits: int = 16, extra: bytes = b"", size: int | None = None
) -> bytes:
    """A WAV file of samples that are bytes already, or int16: (samples,) or (samples, channels).

    Arguments:
        samples: as they stand in the file.
        rate: of the file.
        code, bits: kind and width of a sample.
        extra: chunks between the format and the sound.
        size: what the header says of the sound's bytes; None: the truth.
    """
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    content = samples.tobytes()
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits)
    data = b"data" + struct.pack("<I", len(content) if size is None else size) + content
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + extra + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
