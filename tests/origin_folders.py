"""Folders in the layouts of public origins, written from packed arrays: what converters read.

    python tests/origin_folders.py ../shared/data [NAME ...]

writes the origin of each packed data set anew from the packed files of that folder, converts it, and prints what came
out. Layouts are those of the repositories and official archives, whose files were not at hand.
"""

import gzip
import struct
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Arrays = Mapping[str, Any]


def spoken_digits(folder: Path, arrays: Arrays) -> None:
    """FSDD: a WAV file for each recording."""
    (folder / "recordings").mkdir(parents=True)
    for number, (label, speaker, take) in enumerate(zip(arrays["label"], arrays["speaker"], arrays["index"])):
        audio = arrays["audio"][arrays["offsets"][number] : arrays["offsets"][number + 1]]
        with wave.open(str(folder / "recordings" / f"{label}_{speaker}_{take}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(int(arrays["rate"]))
            file.writeframes(audio.astype("<i2").tobytes())


def hapt(folder: Path, arrays: Arrays) -> None:
    """HAPT: rows of three numbers with 16 digits, single precision as in the published files."""
    raw = folder / "RawData"
    raw.mkdir(parents=True)
    offsets = arrays["offsets"]
    for number, user in enumerate(arrays["user"]):
        for sensor in ("acc", "gyro"):
            steps = arrays[sensor][offsets[number] : offsets[number + 1]]
            values = (steps * float(arrays[f"{sensor}_scale"])).astype(np.float32).astype(np.float64)
            np.savetxt(raw / f"{sensor}_exp{number + 1:02}_user{user:02}.txt", values, "%.16g")
    np.savetxt(raw / "labels.txt", arrays["labels"], "%d")


def nmnist_small(folder: Path, arrays: Arrays) -> None:
    """SLAYER's NMNISTsmall: events of 40 bits, and two lists."""
    folder.mkdir(parents=True, exist_ok=True)
    step = arrays["dt_us_lo"].astype(np.int64) + 256 * arrays["dt_us_hi"].astype(np.int64)
    polarity, offsets, n_train = np.unpackbits(arrays["p"]), arrays["offsets"], int(arrays["n_train"])
    for number, index in enumerate(arrays["mnist_index"]):
        chosen = slice(offsets[number], offsets[number + 1])
        time_us = np.cumsum(step[chosen])
        high = polarity[chosen].astype(np.int64) << 7 | time_us >> 16
        rows = np.stack([arrays["x"][chosen], arrays["y"][chosen], high, time_us >> 8 & 255, time_us & 255], 1)
        (folder / f"{index}.bs2").write_bytes(rows.astype(np.uint8).tobytes())
    lines = [f"{index}\t{label}" for index, label in zip(arrays["mnist_index"], arrays["label"])]
    for name, part in (("train1K.txt", lines[:n_train]), ("test100.txt", lines[n_train:])):
        (folder / name).write_text("\n".join(["#sample #class", *part, ""]))


def mnist(folder: Path, arrays: Arrays, packed: bool = False) -> None:
    """Four idx files."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, word in (("train", "train"), ("test", "t10k")):
        for letter, what in (("x", "images"), ("y", "labels")):
            content = idx(arrays[f"{letter}_{part}"])
            name = f"{word}-{what}-idx{arrays[f'{letter}_{part}'].ndim}-ubyte"
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def speech_commands(folder: Path, arrays: Arrays) -> None:
    """A folder for each class, with the JPEG files as they were."""
    jpg = arrays["jpg"].tobytes()
    for name, low, high in zip(arrays["name"], arrays["offsets"], arrays["offsets"][1:]):
        path = folder / name.decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpg[low:high])


def cifar10(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """The binary version of 60,000 images, (images, rows, columns, colours)."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for number, name in enumerate(names):
        chosen = slice(10_000 * number, 10_000 * (number + 1))
        pixels = images[chosen].transpose(0, 3, 1, 2).reshape(10_000, -1)
        (folder / name).write_bytes(np.column_stack([labels[chosen].astype(np.uint8), pixels]).tobytes())


def cifar10_sheets(folder: Path, images: np.ndarray, labels: np.ndarray, sheets: list[int]) -> None:
    """Sheets as in convnetjs; their numbers count the images in thousands."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in sheets:
        rows = np.ascontiguousarray(images[1_000 * number : 1_000 * (number + 1)].reshape(1_000, 1024, 3))
        Image.fromarray(rows).save(folder / f"cifar10_batch_{number}.png")
    (folder / "cifar10_labels.js").write_text(f"var labels={labels[:51_000].tolist()};\n")


def packed_cifar10(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 41,000 images that are packed, at their places among 60,000; the others are black, and their labels 0."""
    from lapilli.training.data.converters.contents import arrays_of

    images, labels = np.zeros((60_000, 32, 32, 3), np.uint8), np.zeros(60_000, np.int64)
    for number in (*range(10), 50):
        found = arrays_of(data / "cifar10_png" / f"cifar10_batch_{number}.png")
        images[1_000 * number : 1_000 * (number + 1)] = found["images"]
    for number in (1, 2, 3):
        found = arrays_of(data / "cifar10" / f"train_{number}.npz")
        images[10_000 * number : 10_000 * (number + 1)] = found["images"]
    labels[:51_000] = arrays_of(data / "cifar10_png" / "cifar10_labels.js")["labels"]
    return images, labels


def _from_archive(file: str, write: Callable[[Path, Arrays], None]) -> Callable[[Path, Path], None]:
    def rebuild(data: Path, folder: Path) -> None:
        with np.load(data / file) as archive:
            write(folder, dict(archive))

    return rebuild


REBUILD: dict[str, Callable[[Path, Path], None]] = {
    "spoken-digits": _from_archive("fsdd.npz", spoken_digits),
    "hapt": _from_archive("hapt.npz", hapt),
    "nmnist-small": _from_archive("nmnist_small.npz", nmnist_small),
    "mnist": _from_archive("mnist.npz", mnist),
    "mnist-rows": _from_archive("mnist.npz", mnist),
    "speech-commands-spectrograms": _from_archive("gsc_v2_spec_jpg.npz", speech_commands),
    "cifar10-part": lambda data, folder: cifar10(folder, *packed_cifar10(data)),
    "cifar10-held-out": lambda data, folder: cifar10(folder, *packed_cifar10(data)),
}
"""Writes the origin of a data set, (folder of packed files, folder to write to)."""


def main(data: Path, names: list[str]) -> int:
    from lapilli.training.data.converters.convert import convert

    wrong = 0
    for name in names or REBUILD:
        with tempfile.TemporaryDirectory() as temporary, data_going_to(Path(temporary) / "data"):
            REBUILD[name](data, Path(temporary) / "origin")
            started = time.perf_counter()
            for one in convert(name, Path(temporary) / "origin"):
                wrong += bool(one.differences)
                print(f"{name}: {one.file}: {'; '.join(one.differences) or 'the same'}", flush=True)
            print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)
    return int(wrong > 0)


def data_going_to(folder: Path) -> Any:
    from unittest import mock

    return mock.patch.dict("os.environ", {"LAPILLI_DATA": str(folder)})


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
