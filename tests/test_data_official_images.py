"""Pictures in their official formats, read by torchvision."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from official_files import md5, write_cifar, write_idx, write_zip
from PIL import Image

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.encoders import delta
from lapilli.training.data.framing import Framing
from lapilli.training.data.sets import DataError, PartName

# In the pinned environment it is there (`both_environments.py`).
pytest.importorskip("torchvision", reason="torchvision is not installed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(tmp_path / "none"))
    return tmp_path


def write_mnist(folder: Path, compressed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (25, 28, 28)), np.arange(25) % 2
    raw = folder / "MNIST/raw"
    for part, chosen in (("train", slice(0, 20)), ("t10k", slice(20, 25))):
        write_idx(raw / f"{part}-images-idx3-ubyte", images[chosen], compressed)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels[chosen], compressed)
    return images, labels


def test_mnist_is_shown_in_every_step(folder: Path) -> None:
    images, labels = write_mnist(folder)
    found = prepared("mnist-official", Framing(n_steps=2))
    assert (found.shape, found.n_steps, found.step_ms) == ((1, 28, 28), 2, None)
    expected = np.rint(images / 255 * 16).astype(int)[:, None, :, :, None].repeat(2, axis=-1)
    # Every tenth of a class is for validation.
    train = [number for number in range(20) if number not in (18, 19)]
    parts: dict[PartName, list[int]] = {"train": train, "validation": [18, 19], "test": list(range(20, 25))}
    for part, chosen in parts.items():
        assert np.array_equal(found.part(part).events().to_dense(), expected[chosen]), part
        assert found.part(part).labels.tolist() == labels[chosen].tolist()


def test_sequential_mnist_is_one_pixel_a_step(folder: Path) -> None:
    images, _ = write_mnist(folder)
    pixels = images[20:].reshape(5, 1, 784)
    found = prepared("sequential-mnist")
    assert (found.shape, found.n_steps, found.step_ms) == ((1,), 784, None)
    assert np.array_equal(found.part("test").events().to_dense(), np.rint(pixels / 255 * 16))
    found = prepared("sequential-mnist", Framing(encoder="delta", threshold=0.2))
    assert found.shape == (2,)
    assert np.array_equal(found.part("test").events().to_dense(), delta(pixels / 255, 0.2))


def test_mnists_archives_are_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST

    write_mnist(folder, compressed=True)
    names = [name for name, _ in MNIST.resources]
    monkeypatch.setattr(MNIST, "resources", [(name, md5(folder / "MNIST/raw" / name)) for name in names])
    assert len(prepared("mnist-official").part("test")) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-5],
        lambda content: b"\x00\x00\x08\x03\x7f\xff\xff\xff" + content[8:],
        lambda _: b"",
        lambda content: gzip.compress(content),
    ],
)
def test_damaged_mnist_is_named(folder: Path, change: Callable[[bytes], bytes]) -> None:
    write_mnist(folder)
    path = folder / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=r"MNIST/raw: missing, damaged or another file"):
        prepared("mnist-official")


def write_small_cifar(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Five training batches of four, or one of 20, and a test batch of three; the class is told their checksums."""
    import torchvision.datasets

    found = getattr(torchvision.datasets, name)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (23, 3072)).astype(np.uint8), np.arange(23) % 2
    key = "labels" if name == "CIFAR10" else "fine_labels"
    train = [file for file, _ in found.train_list]
    size = 20 // len(train)
    pieces = {file: slice(size * place, size * (place + 1)) for place, file in enumerate(train)}
    pieces[found.test_list[0][0]] = slice(20, 23)
    files: dict[str, dict[str, object]] = {
        file: {"data": images[piece], key: labels[piece].tolist()} for file, piece in pieces.items()
    }
    files[found.meta["filename"]] = {found.meta["key"]: ["cat", "dog"]}
    write_cifar(folder / found.base_folder, files)
    sums = {file: md5(folder / found.base_folder / file) for file in files}
    monkeypatch.setattr(found, "train_list", [[file, sums[file]] for file in train])
    monkeypatch.setattr(found, "test_list", [[file, sums[file]] for file, _ in found.test_list])
    monkeypatch.setattr(found, "meta", {**found.meta, "md5": sums[found.meta["filename"]]})
    return images.reshape(23, 3, 32, 32), labels


@pytest.mark.parametrize(("name", "class_name"), [("cifar10", "CIFAR10"), ("cifar100", "CIFAR100")])
def test_cifar_is_read_by_torchvision(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, class_name: str
) -> None:
    images, labels = write_small_cifar(folder, monkeypatch, class_name)
    found = prepared(name, Framing(n_steps=1, levels=255))
    assert (found.shape, found.classes) == ((3, 32, 32), ("cat", "dog"))
    assert np.array_equal(found.part("test").events().to_dense()[..., 0], images[20:])
    assert found.part("test").labels.tolist() == labels[20:].tolist()
    assert [len(found.part(part)) for part in ("train", "validation", "test")] == [18, 2, 3]


def test_a_pickle_that_is_not_the_official_one_is_never_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_cifar(folder, monkeypatch, "CIFAR10")
    path = folder / "cifar-10-batches-py/data_batch_3"
    # Opened, this pickle would make a folder.
    path.write_bytes(b"cos\nmkdir\n(V" + str(folder / "trap").encode() + b"\ntR.")
    with pytest.raises(DataError, match=r"cifar-10-batches-py: .*not found or corrupted"):
        prepared("cifar10")
    assert not (folder / "trap").exists()


def picture(seed: int, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
    array = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(array, mode).save(file, "JPEG")
    return file.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).transpose(2, 0, 1)


def tiny_files() -> dict[str, bytes]:
    top = "tiny-imagenet-200"
    files = {
        f"{top}/train/{word}/images/{word}_{number}.JPEG": picture(number, mode="RGB" if number else "L")
        for word in ("n01", "n02")
        for number in range(10)
    }
    files |= {f"{top}/val/images/val_{number}.JPEG": picture(50 + number) for number in range(3)}
    lines = [f"val_{number}.JPEG\t{word}\t0\t0\t62\t62\n" for number, word in ((2, "n01"), (0, "n02"), (1, "n01"))]
    return {**files, f"{top}/val/val_annotations.txt": "".join(lines).encode()}


def test_tiny_imagenet_is_unpacked_and_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tiny_files()
    write_zip(folder / "tiny-imagenet-200.zip", files)
    monkeypatch.setattr("lapilli.training.data.official.images._TINY_MD5", md5(folder / "tiny-imagenet-200.zip"))
    found = prepared("tiny-imagenet", Framing(n_steps=1, levels=255))
    assert (found.shape, found.classes) == ((3, 64, 64), ("n01", "n02"))
    assert [len(found.part(part)) for part in ("train", "validation", "test")] == [18, 2, 3]
    assert found.part("test").labels.tolist() == [1, 0, 0]
    expected = [decoded(files[f"tiny-imagenet-200/val/images/val_{number}.JPEG"]) for number in range(3)]
    assert np.array_equal(found.part("test").events().to_dense()[..., 0], np.stack(expected))
    grey = decoded(files["tiny-imagenet-200/train/n02/images/n02_0.JPEG"])
    assert np.array_equal(found.part("train").select([9]).to_dense()[0, ..., 0], grey)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("val/images/val_1.JPEG", picture(0)[:400], r"val_1.JPEG: missing, damaged or another file"),
        ("val/images/val_1.JPEG", b"GIF89a", r"val_1.JPEG: missing, damaged or another file"),
        ("val/images/val_1.JPEG", picture(0, (65, 64)), r"val_1.JPEG: must have 64 × 64 pixels, got \(65, 64\)"),
        ("val/val_annotations.txt", b"../../x.JPEG\tn01\n", r"'../../x.JPEG' is no file's name"),
        ("val/val_annotations.txt", b"val_1.JPEG\tn03\n", r"tiny-imagenet-200: missing, damaged"),
        ("val/val_annotations.txt", b"val_9.JPEG\tn01\n", r"val_9.JPEG: missing"),
    ],
)
def test_damaged_pictures_are_named(folder: Path, name: str, content: bytes, message: str) -> None:
    for file, original in tiny_files().items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(original)
    (folder / "tiny-imagenet-200" / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        prepared("tiny-imagenet")


@pytest.mark.parametrize(
    ("name", "archive"),
    [
        ("mnist-official", "MNIST/raw/train-images-idx3-ubyte.gz"),
        ("sequential-mnist", "MNIST/raw/t10k-labels-idx1-ubyte.gz"),
        ("cifar10", "cifar-10-python.tar.gz"),
        ("cifar100", "cifar-100-python.tar.gz"),
        ("tiny-imagenet", "tiny-imagenet-200.zip"),
    ],
)
def test_without_files_and_network_the_error_names_the_archives(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, archive: str
) -> None:
    from urllib.error import URLError

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(LapilliError, match=rf"{name} is not here and could not be downloaded .*put .*{archive}.* into"):
        prepared(name)
    assert capsys.readouterr().out == "", "standard output is for answers"
