"""Converters: small origins in the public layouts give the packed arrays back, bit for bit; strangers are refused."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import data_archives
import numpy as np
import origin_folders
import pytest
from official_files import write_wave

from lapilli import cli
from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.converters.contents import OWN, arrays_of, contents_of, own_contents
from lapilli.training.data.converters.convert import CONVERTERS, Converted, convert
from lapilli.training.data.converters.hapt import SCALES
from lapilli.training.data.origins import ORIGINS
from lapilli.training.data.spectrograms import KEYWORDS

OWN_TABLE = "lapilli.training.data.converters.convert.own_contents"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of data, which is empty and the only one."""
    folder = tmp_path / "data"
    monkeypatch.setenv("LAPILLI_DATA", str(folder))
    monkeypatch.setattr("lapilli.training.data.folders.search_folders", lambda: (folder,))
    return folder


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def digits() -> dict[str, Any]:
    """Recordings in the order of their files' names, as the packed ones are."""
    arrays = data_archives.audio_arrays(rng())
    facts = list(zip(arrays["label"].tolist(), arrays["speaker"].tolist(), arrays["index"].tolist()))
    order = sorted(range(len(facts)), key=lambda number: "{}_{}_{}.wav".format(*facts[number]))
    pieces = [arrays["audio"][arrays["offsets"][number] : arrays["offsets"][number + 1]] for number in order]
    return {
        "audio": np.concatenate(pieces),
        "offsets": np.cumsum([0, *map(len, pieces)]).astype(np.int32),
        **{name: arrays[name][order] for name in ("label", "speaker", "index")},
        "rate": np.int64(8000),
    }


def motion() -> dict[str, Any]:
    arrays = data_archives.motion_arrays(rng())
    # The ends of what a sensor's converter can say.
    arrays["gyro"][5], arrays["acc"][7] = [-32768, 32767, 0], [32767, -32768, 1]
    return arrays | {f"{sensor}_scale": np.float64(scale) for sensor, scale in SCALES.items()}


def spectrograms() -> dict[str, Any]:
    """A picture of each class, and some more."""
    words = [f"{word}/00{number:06x}_nohash_0.{word}.jpg" for number, word in enumerate(KEYWORDS)]
    names = sorted([*words, *(name for name in data_archives.speech_names() if name.startswith(("_", "u")))])
    pictures = [data_archives.jpeg(rng().integers(0, 256, (98, 40)).astype(np.uint8)) for _ in names]
    return {
        "jpg": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": np.cumsum([0, *map(len, pictures)]).astype(np.int32),
        "name": np.array([name.encode() for name in names]),
    }


def handwriting() -> dict[str, Any]:
    random = rng()
    images = random.integers(0, 256, (100, 28, 28)).astype(np.uint8)
    images[images == 1] = 0
    labels = random.integers(0, 10, 100).astype(np.uint8)
    return {"x_train": images[:70], "y_train": labels[:70], "x_test": images[70:], "y_test": labels[70:]}


MADE_UP: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[Path, Mapping[str, Any]], None]]] = {
    "spoken-digits": (digits, origin_folders.spoken_digits),
    "hapt": (motion, origin_folders.hapt),
    "nmnist-small": (lambda: data_archives.camera_arrays(rng()), origin_folders.nmnist_small),
    "mnist": (handwriting, origin_folders.mnist),
    "speech-commands-spectrograms": (spectrograms, origin_folders.speech_commands),
}
"""Packed arrays, and what writes an origin that has them."""


def origin(name: str, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    make, write = MADE_UP[name]
    arrays = make()
    write(tmp_path / "origin", arrays)
    return tmp_path / "origin", arrays


def check_same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == np.asarray(array).dtype, name
        assert np.array_equal(found[name], array), name


def only(made: list[Converted]) -> Converted:
    assert len(made) == 1
    return made[0]


@pytest.mark.parametrize("name", MADE_UP)
def test_an_origin_gives_its_packed_arrays_back(name: str, tmp_path: Path, data: Path) -> None:
    folder, arrays = origin(name, tmp_path)
    made = only(convert(name, folder))
    assert (made.path, made.kept) == (data / made.file, False)
    assert [made.file] == list(ORIGINS[name].packed)
    check_same(arrays_of(made.path), arrays)
    # The arrays are not those of the whole set.
    assert made.differences


@pytest.mark.parametrize(
    ("name", "outer"),
    [
        ("spoken-digits", ""),
        ("hapt", "Data/Original-Data/HAPT-Dataset"),
        ("nmnist-small", "example/NMNISTsmall"),
        ("mnist", "MNIST/raw"),
        ("speech-commands-spectrograms", "MLTK_keyworkSpotting/dataset"),
    ],
)
def test_an_origin_is_found_in_a_clone_of_its_repository(name: str, outer: str, tmp_path: Path) -> None:
    make, write = MADE_UP[name]
    write(tmp_path / "clone" / outer, make())
    if name == "hapt":
        (tmp_path / "clone" / outer / "RawData").rename(tmp_path / "clone" / outer / "Raw-Data")
    check_same(arrays_of(only(convert(name, tmp_path / "clone")).path), make())


def test_images_of_mnist_may_be_packed_and_lose_their_ones(tmp_path: Path) -> None:
    arrays = handwriting()
    seen = {**arrays, "x_train": arrays["x_train"].copy(), "x_test": arrays["x_test"].copy()}
    seen["x_train"][3, 4, 5:7] = seen["x_test"][3, 4, 5:7] = 1
    origin_folders.mnist(tmp_path / "origin", seen, packed=True)
    arrays["x_train"][3, 4, 5:7] = 0
    arrays["x_test"][3, 4, 5:7] = 1
    check_same(arrays_of(only(convert("mnist-rows", tmp_path / "origin")).path), arrays)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """60,000 images that are black but for a line of their number and a patch of noise."""
    images = np.zeros((60_000, 32, 32, 3), np.uint8)
    images[:, 0, 0] = np.arange(60_000)[:, None] >> np.array([0, 8, 16]) & 255
    images[::500, 5:9, 5:9] = rng().integers(0, 256, (120, 4, 4, 3))
    return images, np.arange(60_000) * 7 % 10


@pytest.mark.slow
@pytest.mark.parametrize("source", ["binary", "sheets"])
def test_pictures_come_from_either_origin(source: str, tmp_path: Path, data: Path) -> None:
    images, labels = pictures()
    if source == "binary":
        origin_folders.cifar10(tmp_path / "origin" / "cifar-10-batches-bin", images, labels)
    else:
        origin_folders.cifar10_sheets(tmp_path / "origin" / "demo" / "cifar10", images, labels, [*range(40), 50])
    part = convert("cifar10-part", tmp_path / "origin")
    assert [made.file for made in part] == list(ORIGINS["cifar10-part"].packed)
    everything = convert("cifar10-held-out", tmp_path / "origin")
    assert [made.file for made in everything] == list(ORIGINS["cifar10-held-out"].packed)
    assert [made.kept for made in everything] == [True] * 12 + [False] * 3
    for number in (0, 9, 50):
        found = arrays_of(data / "cifar10_png" / f"cifar10_batch_{number}.png")["images"]
        assert np.array_equal(found, images[1_000 * number : 1_000 * (number + 1)])
    assert np.array_equal(arrays_of(data / "cifar10_png" / "cifar10_labels.js")["labels"], labels[:51_000])
    for number in (1, 2, 3):
        chosen = slice(10_000 * number, 10_000 * (number + 1))
        archive = arrays_of(data / "cifar10" / f"train_{number}.npz")
        check_same(archive, {"images": images[chosen], "labels": labels[chosen].astype(np.int64)})


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_command_says_whether_all_is_the_same(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = origin("hapt", tmp_path)
    convert("hapt", folder)
    own = {"hapt.npz": contents_of(data / "hapt.npz")}
    (data / "hapt.npz").unlink()
    monkeypatch.setattr(OWN_TABLE, lambda: own)
    same = f"{data / 'hapt.npz'} holds the same as lapilli's own\n"
    assert call(capsys, "data", "convert", "hapt", folder) == (0, same, "")
    # One step of one sample more, in the eleventh row.
    file = folder / "RawData" / "acc_exp01_user02.txt"
    rows = np.loadtxt(file)
    rows[10, 2] += SCALES["acc"]
    np.savetxt(file, rows, "%.16g")
    status, out, _ = call(capsys, "data", "convert", "hapt", folder)
    assert (status, "which was there before, holds the same" in out) == (0, True)
    (data / "hapt.npz").unlink()
    status, out, _ = call(capsys, "data", "convert", "hapt", folder)
    assert (status, out) == (1, f"{data / 'hapt.npz'} differs from lapilli's own: acc: has other values\n")
    status, out, _ = call(capsys, "data", "convert", "hapt", folder, "--json")
    facts = json.loads(out)["files"]
    assert status == 1
    assert facts == [
        {"file": str(data / "hapt.npz"), "kept": True, "same": False, "differences": ["acc: has other values"]}
    ]


def test_differences_are_of_shape_type_and_names(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, arrays = origin("nmnist-small", tmp_path)
    own = dict(arrays, x=arrays["x"][:-1], y=arrays["y"].astype(np.int16), more=np.zeros(3))
    del own["label"]
    data.mkdir()
    np.savez(data / "own.npz", **own)
    monkeypatch.setattr(OWN_TABLE, lambda: {"nmnist_small.npz": contents_of(data / "own.npz")})
    n_events = len(arrays["x"])
    assert only(convert("nmnist-small", folder)).differences == (
        "more: missing",
        "label: not in lapilli's own",
        f"x: has shape ({n_events},), lapilli's own ({n_events - 1},)",
        "y: is of type |u1, lapilli's own of <i2",
    )


def test_every_packed_file_of_lapilli_is_written_down() -> None:
    assert OWN.is_file()
    assert own_contents().keys() == {file for found in ORIGINS.values() for file in found.packed}
    assert CONVERTERS.keys() == {name for name, found in ORIGINS.items() if not found.lost}


def put(file: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(content)


def changed(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def gone(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def linked(file: str) -> Callable[[Path], None]:
    def link(folder: Path) -> None:
        outside = folder.parent / "outside"
        (folder / file).rename(outside)
        (folder / file).symlink_to(outside)

    return link


def wave(rate: int, channels: int) -> Callable[[Path], None]:
    return lambda folder: write_wave(folder / WAV, np.arange(8), rate, channels)


WAV, ACC, GYRO = "recordings/0_ada_0.wav", "RawData/acc_exp01_user02.txt", "RawData/gyro_exp01_user02.txt"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
YES = "yes/00000000_nohash_0.yes.jpg"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
# 20 MB of zeros in 20 kB.
BOMB = gzip.compress(b"\0\0\x08\x01\0\0\0\x46" + bytes(20 << 20))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (
            "spoken-digits",
            changed(WAV, lambda content: content[:-2]),
            "to its end, 2 bytes are missing",
        ),
        ("spoken-digits", changed(WAV, lambda content: b"RIFX" + content[4:]), "is no WAV file"),
        ("spoken-digits", changed(WAV, lambda content: content[:36]), "ends before its sound begins"),
        ("spoken-digits", put(WAV, b""), "must have 1 to 4194304 bytes, got 0"),
        ("spoken-digits", put(WAV, bytes((1 << 22) + 1)), "must have 1 to 4194304 bytes, got 4194305"),
        ("spoken-digits", put(WAV, POINTER), "it is a Git LFS pointer"),
        (
            "spoken-digits",
            wave(16000, 1),
            "must be whole numbers of 16 bits, channels 1, 8,000 Hz, got whole numbers of 16 bits, channels 1, 16,000",
        ),
        ("spoken-digits", wave(8000, 2), "got whole numbers of 16 bits, channels 2, 8,000 Hz"),
        ("spoken-digits", linked(WAV), "is a link to a file outside of"),
        ("hapt", gone(GYRO), "No such file"),
        ("hapt", gone(ACC), "must be acc_exp01 to the last one"),
        ("hapt", put(ACC, b"1 2 3\n1 2\n"), "must hold rows of 3 numbers ("),
        ("hapt", put(ACC, b"1 2\n3 4\n"), "must have 3 columns, got 2"),
        ("hapt", put(ACC, b"0.5 0 0\n0.5 0.0007 0\n"), "line 2, column 2: must be a whole step"),
        ("hapt", put(ACC, b"0 nan 0\n"), "line 1, column 2: must be a whole step"),
        ("hapt", put(ACC, b"0 -inf 0\n"), "line 1, column 2: must be a whole step"),
        ("hapt", put(ACC, b"0 1e300 0\n"), "line 1, column 2: must be a whole step"),
        ("hapt", put(ACC, b" \n"), "must hold rows of 3 numbers (it is empty)"),
        ("hapt", put(ACC, b"\xff\xfe"), "must hold rows of 3 numbers ("),
        ("hapt", put(ACC, b"0 0 0\n"), "has 1 samples, its gyroscope 400"),
        ("hapt", put("RawData/labels.txt", b"1 1 5 0 9\n"), "must hold whole numbers from 1 on"),
        ("nmnist-small", changed("1.bs2", lambda content: content + b"0"), "must hold events of 5 bytes, got"),
        ("nmnist-small", put("1.bs2", bytes([34, 0, 0, 0, 0])), "has events outside of 34 × 34 pixels"),
        ("nmnist-small", put("1.bs2", bytes([1, 0, 0, 0, 9, 1, 0, 0, 0, 8])), "its times must not fall"),
        ("nmnist-small", put("train1K.txt", b"1\t5\n../x\t3\n"), "entry 2: must be a number and a class 0…9"),
        ("nmnist-small", put("train1K.txt", b"#\n"), "entry 1: must be a number"),
        ("nmnist-small", gone("2.bs2"), "No such file"),
        ("nmnist-small", gone("test100.txt"), "No such file"),
        ("mnist", gone(LABELS), "No such file"),
        ("mnist", changed(IMAGES, lambda content: content[:-1]), "must hold as many entries as it says (70)"),
        (
            "mnist",
            changed(IMAGES, lambda content: content[:15] + b"\x1d" + content[16:]),
            "must be an idx file of bytes",
        ),
        ("mnist", put(IMAGES, b"\0\0"), "is no idx file"),
        ("mnist", put(LABELS, origin_folders.idx(np.full(70, 11, np.uint8))), "train labels: must be 0…9, got 11"),
        ("mnist", put(LABELS, origin_folders.idx(np.zeros(69, np.uint8))), "must have as many labels as images"),
        ("speech-commands-spectrograms", put(YES, b"GIF89a"), "is no JPEG file"),
        ("speech-commands-spectrograms", gone(YES), "found no pictures in"),
        ("speech-commands-spectrograms", put(YES, bytes(1 << 15)), "must have 1 to 16384 bytes"),
    ],
)
def test_damaged_origins_are_refused(
    name: str, damage: Callable[[Path], object], message: str, tmp_path: Path, data: Path
) -> None:
    folder, _ = origin(name, tmp_path)
    damage(folder)
    with pytest.raises(LapilliError) as error:
        convert(name, folder)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not data.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "must hold as many entries as it says (70), at most 60000"),
        (gzip.compress(origin_folders.idx(np.zeros(70, np.uint8)))[:-9], "is no whole gzip file"),
        (b"no archive", "is no whole gzip file"),
    ],
    ids=["bomb", "half", "text"],
)
def test_packed_files_of_mnist_are_read_no_further_than_needed(content: bytes, message: str, tmp_path: Path) -> None:
    folder, _ = origin("mnist", tmp_path)
    (folder / LABELS).unlink()
    (folder / f"{LABELS}.gz").write_bytes(content)
    with pytest.raises(LapilliError, match=rf"{LABELS}.gz: .*") as error:
        convert("mnist", folder)
    assert message in str(error.value)


def test_pickles_of_cifar_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(LapilliError, match=r"pickles can run code; get the binary version, cifar-10-binary\.tar\.gz"):
        convert("cifar10-part", tmp_path)


def test_other_files_are_no_batches_of_cifar(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(bytes(30_729_999))
    with pytest.raises(LapilliError, match=r"must have 30730000 bytes, got 30729999"):
        convert("cifar10-part", tmp_path)
    (tmp_path / "data_batch_1.bin").write_bytes(b"\x0a" + bytes(30_729_999))
    with pytest.raises(LapilliError, match=r"labels must be 0…9, got 10"):
        convert("cifar10-part", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shd-regenerated", "its spikes are one random draw of a cochlea model; train on the official set `shd`"),
        ("shd", "data set 'shd' has no converter; `lapilli data convert` makes speech-commands-spectrograms, spoken-"),
        (
            "braille",
            "data set braille: no converter of lapilli makes it yet; origin https://github.com/VitF/Neu-BrAuER",
        ),
        ("hapt", "found no raw data with labels.txt; looked in "),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = call(capsys, "data", "convert", name, tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot read .*nowhere: it is no folder"):
        convert("hapt", tmp_path / "nowhere")


def test_names_that_no_folder_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot read .*: File name too long"):
        convert("hapt", tmp_path / ("a" * 300))


def test_a_folder_in_the_place_of_an_archive_is_left_as_it_is(tmp_path: Path, data: Path) -> None:
    folder, _ = origin("hapt", tmp_path)
    (data / "hapt.npz").mkdir(parents=True)
    with pytest.raises(LapilliError, match=r"cannot write .*hapt\.npz: it exists and is no regular file"):
        convert("hapt", folder)


def test_an_archive_that_was_there_is_read_as_a_stranger(tmp_path: Path, data: Path) -> None:
    folder, _ = origin("hapt", tmp_path)
    data.mkdir()
    (data / "hapt.npz").write_bytes(b"no archive")
    with pytest.raises(LapilliError, match=r"hapt\.npz: not an npz file"):
        convert("hapt", folder)
