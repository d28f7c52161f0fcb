"""Tiny files in the formats of official data sets, at the places where their classes look for them."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import wave
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

Recording = tuple[np.ndarray, np.ndarray]


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def cochlea_recordings(n: int, seed: int) -> list[Recording]:
    """Times in s, as the official files round them, and units."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 60, n)
    return [(np.sort(rng.uniform(0.01, 0.9, size)).astype(np.float16), rng.integers(0, 700, size)) for size in sizes]


def write_cochlea(
    path: Path, recordings: Sequence[Recording], labels: Sequence[int], speakers: Sequence[int], words: Sequence[str]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", (len(recordings),), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (len(recordings),), h5py.vlen_dtype(np.uint16))
        for number, (time, unit) in enumerate(recordings):
            times[number], units[number] = time, unit
        file["labels"] = np.asarray(labels, np.uint16)
        file["extra/speaker"] = np.asarray(speakers, np.uint16)
        file["extra/keys"] = np.array([word.encode() for word in words])


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_tar(path: Path, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def camera_events(n: int, rows: int, columns: int, last_us: int, seed: int) -> np.ndarray:
    """Rows of t, x, y and p, by rising time."""
    rng = np.random.default_rng(seed)
    columns_of = [np.sort(rng.integers(0, last_us, n)), *(rng.integers(0, size, n) for size in (columns, rows, 2))]
    return np.stack(columns_of, 1)


def saccade_bytes(events: np.ndarray) -> bytes:
    """N-MNIST's and N-Caltech101's format: x, y, polarity and 23 bits of time."""
    time, x, y, p = events.T
    rows = np.stack([x, y, (p << 7) | (time >> 16), (time >> 8) & 255, time & 255], 1)
    return rows.astype(np.uint8).tobytes()


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write_idx(path: Path, array: np.ndarray, compressed: bool = False) -> None:
    """MNIST's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    if compressed:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)


def write_cifar(folder: Path, files: Mapping[str, Mapping[str, object]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(pickle.dumps(content))


def write_wave(path: Path, audio: np.ndarray, rate: int = 16000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(audio.astype("<i2").tobytes())


def aedat4_bytes(events: np.ndarray) -> bytes:
    """AEDAT 4 as iniVation describes it, without compression: a header and one packet, both flatbuffers."""
    stream = (
        b'<node name="0" path="/mainloop/Recorder/outInfo/0/"><attr key="compression" type="string">NONE</attr>'
        b'<attr key="typeIdentifier" type="string">EVTS</attr>'
        b'<node name="info" path="/mainloop/Recorder/outInfo/0/info/">'
        b'<attr key="sizeX" type="int">128</attr><attr key="sizeY" type="int">128</attr></node></node>'
    )
    xml = b'<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">' + stream + b"</node></dv>"
    text = struct.pack("<I", len(xml)) + xml + b"\0" * (4 - len(xml) % 4)
    # Root table, file identifier, the table of its fields' places, the table: its third field is the text.
    header = struct.pack("<I4s5HxxiI", 20, b"IOHE", 10, 8, 0, 0, 4, 12, 4) + text
    spikes = b"".join(struct.pack("<qhhB3x", *event) for event in events.tolist())
    packet = struct.pack("<I4s3HxxiIII", 16, b"EVTS", 6, 8, 4, 8, 8, 0, len(events)) + spikes
    sized = struct.pack("<I", len(packet)) + packet
    start = b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(header)) + header
    return start + struct.pack("<ii", 0, len(sized)) + sized
