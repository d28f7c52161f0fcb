"""Tiny archives in the formats of the real ones, written where `prepared` finds them first."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Arrays = dict[str, Any]


def cochlea_arrays(recordings: list[list[list[int]]], labels: list[int], speakers: list[int]) -> Arrays:
    """`shd_regen_1ms.npz` of recordings that are lists of milliseconds, each a rising list of units."""
    counts = [len(units) for recording in recordings for units in recording]
    gaps = [gap for recording in recordings for units in recording for gap in np.diff([-1, *units]) - 1]
    per_recording = [sum(map(len, recording)) for recording in recordings]
    return {
        "count_per_ms": np.array(counts, np.uint16),
        "gap_lo": np.minimum(gaps, 255).astype(np.uint8),
        "gap_esc": np.array([gap for gap in gaps if gap >= 255], np.uint16),
        "ms_offsets": np.cumsum([0, *map(len, recordings)]).astype(np.int32),
        "spike_offsets": np.cumsum([0, *per_recording]).astype(np.int32),
        "label": np.array(labels, np.uint8),
        "speaker": np.array(speakers, np.uint8),
    }


def random_cochlea(rng: np.random.Generator, n_recordings: int = 24, longest_ms: int = 40) -> Arrays:
    """Recordings of all speakers, two of each, with spikes wherever chance wants."""
    recordings = []
    for _ in range(n_recordings):
        dense = rng.random((rng.integers(5, longest_ms), 700)) < rng.choice([0.002, 0.01, 0.05])
        dense[rng.integers(len(dense)), rng.integers(700)] = True
        recordings.append([np.flatnonzero(row).tolist() for row in dense])
    return cochlea_arrays(
        recordings, rng.integers(0, 20, n_recordings).tolist(), (np.arange(n_recordings) % 12).tolist()
    )


def motion_arrays(rng: np.random.Generator) -> Arrays:
    """`hapt.npz` of seven recordings of 400 samples, users 2 (test), 5, 6, 27, 28, 29 and 30, two activities each."""
    users, length = [2, 5, 6, 27, 28, 29, 30], 400
    rows = [
        (e + 1, user, a, 1 + 200 * half, 200 * (half + 1))
        for e, user in enumerate(users)
        for half, a in enumerate((e % 6 + 1, 7 + e % 6))
    ]
    return {
        "acc": rng.integers(-1000, 1000, (len(users) * length, 3)).astype(np.int16),
        "gyro": rng.integers(-30000, 30000, (len(users) * length, 3)).astype(np.int16),
        "offsets": (np.arange(len(users) + 1) * length).astype(np.int32),
        "user": np.array(users, np.uint8),
        "labels": np.array(rows, np.int32),
        "acc_scale": np.float64(1 / 720),
        "gyro_scale": np.float64(3e-4),
    }


def camera_arrays(rng: np.random.Generator, n_train: int = 24, n_test: int = 4) -> Arrays:
    """`nmnist_small.npz` with 50 to 200 events a recording."""
    sizes = rng.integers(50, 200, n_train + n_test)
    n_events, step = int(sizes.sum()), rng.integers(0, 3000, int(sizes.sum()))
    return {
        "x": rng.integers(0, 34, n_events).astype(np.uint8),
        "y": rng.integers(0, 34, n_events).astype(np.uint8),
        "p": np.packbits(rng.integers(0, 2, n_events).astype(bool)),
        "dt_us_lo": (step % 256).astype(np.uint8),
        "dt_us_hi": (step // 256).astype(np.uint16),
        "offsets": np.cumsum([0, *sizes]).astype(np.int32),
        "label": (np.arange(n_train + n_test) % 2).astype(np.uint8),
        "mnist_index": np.arange(1, n_train + n_test + 1, dtype=np.int32),
        "n_train": np.int64(n_train),
    }


def speech_names() -> list[str]:
    """Names of recordings: two words of 20 speakers and background noise."""
    speakers = [f"{number:08x}" for number in range(20)]
    words = [f"yes/{speaker}_nohash_0.yes.jpg" for speaker in speakers]
    words += [f"unknown/{speaker}_nohash_1.dog.jpg" for speaker in speakers]
    return [*(f"_background_noise_/{number}_background.jpg" for number in range(20)), *words]


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def spectrogram_arrays(rng: np.random.Generator, size: tuple[int, int] = (98, 40)) -> Arrays:
    """`gsc_v2_spec_jpg.npz` of noise."""
    names = speech_names()
    pictures = [jpeg(rng.integers(0, 256, size).astype(np.uint8)) for _ in names]
    return {
        "jpg": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": np.cumsum([0, *map(len, pictures)]).astype(np.int32),
        "name": np.array([name.encode() for name in names]),
    }


def audio_arrays(rng: np.random.Generator) -> Arrays:
    """`fsdd.npz` of three speakers, two digits and twelve takes of noise."""
    facts = [(speaker, label, take) for speaker in ("ada", "bob", "cyd") for label in (0, 1) for take in range(12)]
    sizes = rng.integers(400, 2000, len(facts))
    return {
        "audio": rng.integers(-20000, 20000, int(sizes.sum())).astype(np.int16),
        "offsets": np.cumsum([0, *sizes]).astype(np.int32),
        "label": np.array([label for _, label, _ in facts], np.uint8),
        "speaker": np.array([speaker for speaker, _, _ in facts]),
        "index": np.array([take for _, _, take in facts], np.uint8),
        "rate": np.int64(8000),
    }


def touch_arrays(rng: np.random.Generator) -> Arrays:
    """`stemnist_spikes.npz` of two characters of each of the 34 persons, 20 to 60 spikes each."""
    n_samples = 68
    spikes = [np.sort(rng.choice(240 * 256, rng.integers(20, 60), replace=False)) for _ in range(n_samples)]
    place = np.concatenate(spikes)
    return {
        "t": (place // 256).astype(np.uint8),
        "pos": (place % 256).astype(np.uint8),
        "offsets": np.cumsum([0, *map(len, spikes)]).astype(np.uint32),
        "label": (np.arange(n_samples) % 35).astype(np.uint8),
        "participant": (np.arange(n_samples) % 34).astype(np.uint8),
        "split": (np.arange(n_samples) % 3).astype(np.uint8),
        "classes": np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", np.uint8),
    }


def grasp_arrays(rng: np.random.Generator) -> Arrays:
    """`evtactile.npz` of eight and two grasps of each of three objects and three containers."""
    found = {}
    for prefix, n_steps in (("obj", 250), ("con", 325)):
        for part, n_samples in (("train", 24), ("test", 6)):
            spikes = rng.random((n_samples, n_steps, 2, 39)) < 0.01
            found[f"{prefix}_{part}_bits"] = np.packbits(spikes)
            found[f"{prefix}_{part}_label"] = (np.arange(n_samples) % 3).astype(np.uint8)
    return found


def turning_arrays(rng: np.random.Generator) -> Arrays:
    """`dvs_objects.npz` of two objects in two sessions, each recording about 3 s long, with a dark moment."""
    sizes = rng.integers(7000, 8000, 4)
    n_events, ticks = int(sizes.sum()), rng.integers(0, 41, int(sizes.sum()))
    offsets = np.cumsum([0, *sizes])
    # 120 ms without an event.
    ticks[offsets[:-1] + 1000] += 6000
    return {
        "x": rng.integers(20, 100, n_events).astype(np.uint8),
        "y": rng.integers(40, 128, n_events).astype(np.uint8),
        "p": np.packbits(rng.integers(0, 2, n_events).astype(bool)),
        "dt_lo": (ticks % 256).astype(np.uint8),
        "dt_hi": (ticks // 256).astype(np.uint8),
        "offsets": offsets,
        "label": np.array([0, 1, 0, 1], np.uint8),
        "session": np.array([0, 0, 1, 1], np.uint8),
    }


def braille_arrays(rng: np.random.Generator) -> Arrays:
    """`braille540.npz` of ten recordings of each of three letters."""
    return {"x": rng.integers(0, 136, (30, 51, 12)).astype(np.uint8), "label": rng.permutation(30).astype(np.uint8) % 3}


def evbench_arrays(rng: np.random.Generator) -> Arrays:
    """`evbench_dvs.npz` of two sequences."""
    sizes = np.array([300, 200])
    step = rng.integers(0, 600, sizes.sum())
    return {
        "x": rng.integers(0, 190, sizes.sum()).astype(np.uint8),
        "y": rng.integers(0, 180, sizes.sum()).astype(np.uint8),
        "p": np.packbits(rng.integers(0, 2, sizes.sum()).astype(bool)),
        "dt_us_lo": (step % 256).astype(np.uint8),
        "dt_us_hi": (step // 256).astype(np.uint8),
        "offsets": np.cumsum([0, *sizes]),
        "ptu_rad_per_s": np.array([[0, 0.15], [-0.15, -0.3]], np.float32),
        "flow_px_per_s": np.array([[0, -30], [-32, 60]], np.float32),
        "flow_std": np.array([[0.5, 0.8], [0.6, 0.6]], np.float32),
    }


FILES = {
    "shd-regenerated": ("shd_regen_1ms.npz", random_cochlea),
    "hapt": ("hapt.npz", motion_arrays),
    "nmnist-small": ("nmnist_small.npz", camera_arrays),
    "speech-commands-spectrograms": ("gsc_v2_spec_jpg.npz", spectrogram_arrays),
    "spoken-digits": ("fsdd.npz", audio_arrays),
    "stemnist-circuit-spikes": ("stemnist_spikes.npz", touch_arrays),
    "stemnist-circuit-spikes-stratified": ("stemnist_spikes.npz", touch_arrays),
    "ev-objects": ("evtactile.npz", grasp_arrays),
    "ev-containers": ("evtactile.npz", grasp_arrays),
    "dvs-objects": ("dvs_objects.npz", turning_arrays),
    "braille": ("braille540.npz", braille_arrays),
}
"""File and maker of the archives of data sets that are one archive."""


def write(folder: Path, name: str, arrays: Arrays | None = None) -> Arrays:
    """Write the archive of a data set; returns its arrays."""
    file, make = FILES[name]
    chosen = make(np.random.default_rng(0)) if arrays is None else arrays
    np.savez_compressed(folder / file, **chosen)
    return chosen
