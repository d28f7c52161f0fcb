"""Motion, cameras, spectrograms, audio and images: framed as described, split as described, damaged files named."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from data_archives import FILES, Arrays, jpeg, speech_names, write
from PIL import Image

from lapilli.netx_exports import LapilliError
from lapilli.training.data.catalogue import DATA_SETS, prepared
from lapilli.training.data.encoders import encode, to_unit
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.mel import MelConfig, log_mel
from lapilli.training.data.motion import FULL_SCALE
from lapilli.training.data.sets import DataError
from lapilli.training.data.spectrograms import official_part


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    return tmp_path


def everything(name: str, framing: Framing, split: Split = Split()) -> dict[int, np.ndarray]:
    """Dense form of each sample of each part, by its row."""
    found = prepared(name, framing, split)
    dense: dict[int, np.ndarray] = {}
    for samples in found.parts.values():
        dense |= dict(zip(samples.rows.tolist(), samples.events().to_dense()))
    return dense


def plain_windows(arrays: Arrays) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Windows (windows, 6, 128) in physical units, and (user, activity) of each."""
    windows, facts = [], []
    for recording, user, activity, first, last in arrays["labels"].tolist():
        start = int(arrays["offsets"][recording - 1])
        for begin in range(start + first - 1, start + last - 127, 64):
            acc = arrays["acc"][begin : begin + 128] * arrays["acc_scale"]
            gyro = arrays["gyro"][begin : begin + 128] * arrays["gyro_scale"]
            windows.append(np.concatenate([acc, gyro], 1).T)
            facts.append((user, activity))
    return np.stack(windows), facts


@pytest.mark.parametrize("encoder", ["direct", "delta"])
def test_motion_windows_are_standardised_by_the_training_users(folder: Path, encoder: str) -> None:
    windows, facts = plain_windows(write(folder, "hapt"))
    training = windows[[user != 2 for user, _ in facts]]
    mean, deviation = training.mean(axis=(0, 2))[:, None], training.std(axis=(0, 2))[:, None]
    values = np.clip((windows - mean) / (FULL_SCALE * deviation), -1, 1)
    framing = Framing(encoder=encoder, threshold=0.25)  # type: ignore[arg-type]
    dense = everything("hapt", framing)
    assert len(dense) == len(windows) == 28
    expected = encode(values, framing.encoder, framing.levels, framing.threshold)
    assert np.array_equal(np.stack([dense[row] for row in range(28)]), expected)


def test_motion_of_rate_has_channels_for_each_sign(folder: Path) -> None:
    write(folder, "hapt")
    dense = np.stack(list(everything("hapt", Framing(encoder="rate")).values()))
    direct = np.stack(list(everything("hapt", Framing(levels=255)).values()))
    assert dense.shape[1] == 12
    assert not dense[:, :6][direct < 0].any()
    assert not dense[:, 6:][direct > 0].any()
    assert set(np.unique(dense)) == {0, 1}


def test_motion_parts_and_activities(folder: Path) -> None:
    write(folder, "hapt")
    found = prepared("hapt")
    groups = {part: set(samples.groups.tolist()) for part, samples in found.parts.items()}
    assert groups == {"train": {5, 6}, "validation": {27, 28, 29, 30}, "test": {2}}
    basic = prepared("hapt", split=Split(basic=True))
    assert (len(found.classes), len(basic.classes)) == (12, 6)
    assert max(basic.part("train").labels.max(), basic.part("test").labels.max()) < 6
    assert len(basic.part("train")) == len(found.part("train")) / 2
    assert basic.folder == found.folder


def test_camera_events_are_counted_in_their_bins(folder: Path) -> None:
    arrays = write(folder, "nmnist-small")
    framing = Framing(bin_ms=7, crop=30, pool=4, start_ms=2)
    dense = everything("nmnist-small", framing)
    polarity = np.unpackbits(arrays["p"])
    for sample in range(28):
        expected = np.zeros_like(dense[sample])
        time, first = 0, None
        for place in range(arrays["offsets"][sample], arrays["offsets"][sample + 1]):
            time += int(arrays["dt_us_lo"][place]) + 256 * int(arrays["dt_us_hi"][place])
            first = time if first is None else first
            row, column = int(arrays["y"][place]) - 2, int(arrays["x"][place]) - 2
            step = (time - first - 2000) // 7000
            if 0 <= row < 30 and 0 <= column < 30 and step >= 0:
                expected[polarity[place], row // 4, column // 4, step] += 1
        assert np.array_equal(dense[sample], expected)
    assert prepared("nmnist-small", framing).shape == (2, 8, 8)


def test_camera_parts(folder: Path) -> None:
    write(folder, "nmnist-small")
    parts = prepared("nmnist-small").parts
    assert [len(samples) for samples in parts.values()] == [20, 4, 4]
    assert parts["validation"].rows.tolist() == [10, 11, 22, 23]


def test_speech_frames_are_the_pictures_columns(folder: Path) -> None:
    arrays = write(folder, "speech-commands-spectrograms")
    dense = everything("speech-commands-spectrograms", Framing(levels=255))
    word = 25
    picture = arrays["jpg"][arrays["offsets"][word] : arrays["offsets"][word + 1]].tobytes()
    (folder / "one.jpg").write_bytes(picture)
    pixels = np.asarray(Image.open(folder / "one.jpg"))
    assert np.array_equal(dense[word], pixels.T)
    halved = everything("speech-commands-spectrograms", Framing(levels=255, bin_ms=30))
    means = [pixels[first : first + 3].mean(axis=0) for first in range(0, 98, 3)]
    assert np.array_equal(halved[word], np.rint(np.stack(means, 1)))


def test_speech_parts_are_the_official_ones(folder: Path) -> None:
    write(folder, "speech-commands-spectrograms")
    found = prepared("speech-commands-spectrograms")
    names = speech_names()
    for number, samples in enumerate(found.parts.values()):
        expected = [row for row in range(20, 60) if official_part(names[row].split("/")[1][:8]) == number]
        assert samples.rows.tolist() == expected
        assert samples.labels.tolist() == [0 if row < 40 else 10 for row in expected]
    assert len(found.classes) == 11


def test_less_of_the_unknown_and_silence(folder: Path) -> None:
    write(folder, "speech-commands-spectrograms")
    everything_ = prepared("speech-commands-spectrograms").part("train")
    found = prepared("speech-commands-spectrograms", split=Split(unknown=3, silence=True))
    counts = np.bincount(found.part("train").labels, minlength=12)
    assert found.classes[11] == "silence"
    assert counts[10] == 3 < np.sum(everything_.labels == 10)
    assert counts[0] == np.sum(everything_.labels == 0)
    assert [int(np.sum(samples.labels == 11)) for samples in found.parts.values()] == [16, 2, 2]


def test_speaker_hashes_are_those_of_speech_commands() -> None:
    # From validation_list.txt and testing_list.txt of the official data set.
    assert official_part("026290a7") == 1
    assert official_part("0c40e715") == official_part("bb05582b") == 2


def test_audio_is_a_mel_spectrogram_without_padding(folder: Path) -> None:
    arrays = write(folder, "spoken-digits")
    found = prepared("spoken-digits", Framing(bin_ms=25, bands=20, levels=100))
    dense = everything("spoken-digits", Framing(bin_ms=25, bands=20, levels=100))
    config = MelConfig(None, 8000, 256, 200, 20, f_max=4000.0)
    for row in (0, 17, 71):
        audio = arrays["audio"][arrays["offsets"][row] : arrays["offsets"][row + 1]]
        expected = np.rint(to_unit(log_mel(audio, 8000, config), -60, 20) * 100)
        assert np.array_equal(dense[row][:, : expected.shape[1]], expected)
        assert not dense[row][:, expected.shape[1] :].any()
    assert found.n_steps == max(int(samples.lengths.max()) for samples in found.parts.values())


def test_audio_parts_by_take_or_by_speaker(folder: Path) -> None:
    write(folder, "spoken-digits")
    assert [len(samples) for samples in prepared("spoken-digits").parts.values()] == [12, 30, 30]
    by_speaker = prepared("spoken-digits", split=Split(test_groups=(2,), validation_groups=(1,))).parts
    assert [set(samples.groups.tolist()) for samples in by_speaker.values()] == [{0}, {1}, {2}]
    assert [len(samples) for samples in by_speaker.values()] == [24, 24, 24]


def write_mnist(folder: Path, n_train: int = 5003) -> Arrays:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (n_train, 28, 28)).astype(np.uint8),
        "y_train": rng.integers(0, 10, n_train).astype(np.uint8),
        "x_test": rng.integers(0, 256, (2, 28, 28)).astype(np.uint8),
        "y_test": rng.integers(0, 10, 2).astype(np.uint8),
    }
    np.savez_compressed(folder / "mnist.npz", **arrays)
    return arrays


def test_images_are_shown_in_every_step(folder: Path) -> None:
    arrays = write_mnist(folder)
    found = prepared("mnist", Framing(levels=51, pool=3, crop=24))
    assert (found.shape, found.n_steps, found.step_ms) == ((1, 8, 8), 4, None)
    assert [len(samples) for samples in found.parts.values()] == [3, 5000, 2]
    dense = found.part("test").events().to_dense()
    pixels = arrays["x_test"][:, 2:26, 2:26].reshape(2, 8, 3, 8, 3).mean(axis=(2, 4)) / 255
    assert np.array_equal(dense, np.repeat(np.rint(pixels * 51)[:, None, :, :, None], 4, axis=-1))
    assert found.part("test").labels.tolist() == arrays["y_test"].tolist()


def test_bright_pixels_spike_first(folder: Path) -> None:
    arrays = write_mnist(folder)
    found = prepared("mnist", Framing(encoder="latency", levels=8))
    assert found.n_steps == 8
    dense = found.part("test").events().to_dense()[:, 0]
    brightness = np.rint(arrays["x_test"] / 255 * 8).astype(int)
    assert np.array_equal(dense.sum(axis=-1), brightness > 0)
    assert np.array_equal(dense.argmax(axis=-1)[brightness > 0], 8 - brightness[brightness > 0])


def test_series_and_images_have_their_encoders(folder: Path) -> None:
    write_mnist(folder)
    write(folder, "hapt")
    with pytest.raises(LapilliError, match=r"encoder: delta takes series; mnist holds images"):
        prepared("mnist", Framing(encoder="delta"))
    with pytest.raises(LapilliError, match=r"encoder: latency takes images; hapt holds series"):
        prepared("hapt", Framing(encoder="latency"))
    with pytest.raises(LapilliError, match=r"bin_ms: frames of hapt are 20 ms long; .* from 20 on, got 35"):
        prepared("hapt", Framing(bin_ms=35))
    with pytest.raises(LapilliError, match=r"must be a multiple of half of that, from 20 on, got 10"):
        prepared("hapt", Framing(bin_ms=10))
    with pytest.raises(LapilliError, match=r"data set hapt has no pool, crop to choose; it takes n_steps"):
        prepared("hapt", Framing(pool=2, crop=3))
    with pytest.raises(LapilliError, match=r"crop: mnist has 28 × 28 pixels, got 29"):
        prepared("mnist", Framing(crop=29))


def write_cifar(folder: Path) -> Path:
    sheets = folder / "cifar10_png"
    sheets.mkdir()
    for number in (*range(10), 50):
        shades = np.arange(1000 * 1024 * 3, dtype=np.uint32).reshape(1000, 1024, 3) * (number + 7) >> 5
        Image.fromarray(shades.astype(np.uint8)).save(sheets / f"cifar10_batch_{number}.png", compress_level=1)
    labels = ",".join(str(number % 10) for number in range(51000))
    (sheets / "cifar10_labels.js").write_text(f"var labels=[{labels}];")
    return sheets


def test_sheets_of_colour_images(folder: Path) -> None:
    sheets = write_cifar(folder)
    found = prepared("cifar10-part", Framing(n_steps=1, levels=255))
    assert [len(samples) for samples in found.parts.values()] == [9000, 1000, 1000]
    pixels = np.asarray(Image.open(sheets / "cifar10_batch_50.png"))[7].reshape(32, 32, 3).transpose(2, 0, 1)
    chosen = found.part("test").select([7])
    assert np.array_equal(chosen.to_dense()[0, ..., 0], pixels)
    assert found.classes[chosen.labels[0]] == "horse"


def write_held_out_cifar(folder: Path) -> Path:
    """Archives of pictures that are one colour each, beside the sheets."""
    write_cifar(folder)
    archives = folder / "cifar10"
    archives.mkdir()
    for number in (1, 2, 3):
        pieces = []
        for picture in range(20):
            image = Image.new("RGB", (32, 16_000), (number, picture, 7))
            file = io.BytesIO()
            image.save(file, "WEBP", lossless=True, method=0)
            pieces.append(np.frombuffer(file.getvalue(), np.uint8))
        offsets = np.cumsum([0, *map(len, pieces)])
        labels = np.arange(10_000, dtype=np.uint8) % 10
        np.savez(archives / f"train_{number}.npz", webp=np.concatenate(pieces), offsets=offsets, labels=labels)
    return archives


def test_cifar_has_a_part_of_its_training_file_held_out(folder: Path) -> None:
    archives = write_held_out_cifar(folder)
    framing = Framing(n_steps=1, levels=255, crop=2)
    found = prepared("cifar10-held-out", framing)
    assert [len(samples) for samples in found.parts.values()] == [28_000, 2_000, 10_000]
    # Image 30,000 + 600 is in the second picture of the third archive.
    assert np.array_equal(found.part("test").select([600]).to_dense()[0, :, 0, 0, 0], [3, 1, 7])
    assert np.array_equal(found.part("validation").select([0]).to_dense()[0, :, 0, 0, 0], [2, 16, 7])
    assert found.part("test").labels[:3].tolist() == [0, 1, 2]
    official = prepared("cifar10-held-out", framing, Split(test_groups=(2,)))
    assert [len(samples) for samples in official.parts.values()] == [28_000, 2_000, 1_000]
    with pytest.raises(LapilliError, match=r"the test of cifar10-held-out is group 1 \(held out\), 2 .* got 0"):
        prepared("cifar10-held-out", framing, Split(test_groups=(0,)))
    path = archives / "train_2.npz"
    arrays = dict(np.load(path))
    for name, value, message in [
        ("labels", arrays["labels"][:-1], "labels: needs 10000 entries, got 9999"),
        ("offsets", arrays["offsets"][::-1], "offsets: must rise from 0"),
        ("webp", np.roll(arrays["webp"], 3), "picture 0: damaged"),
    ]:
        np.savez(path, **arrays | {name: value})
        with pytest.raises(DataError, match=message):
            prepared("cifar10-held-out", Framing(n_steps=1, levels=254, crop=2))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("cifar10_batch_3.png", b"no picture", r"cifar10_batch_3.png: damaged"),
        ("cifar10_batch_3.png", None, r"cifar10_batch_3.png: damaged"),
        ("cifar10_labels.js", b"var labels=[1,2];", r"cifar10_labels.js: must be 'var labels=\[…\]' with 51000"),
        ("cifar10_labels.js", b"alert(1)", r"cifar10_labels.js: must be 'var labels"),
    ],
)
def test_damaged_sheets_are_named(folder: Path, file: str, content: bytes | None, message: str) -> None:
    path = write_cifar(folder) / file
    path.write_bytes(path.read_bytes()[:-5000] if content is None else content)
    with pytest.raises(DataError, match=message):
        prepared("cifar10-part")


WRONG = [
    ("hapt", "acc", lambda a: a[:, :2], r"acc: must have shape \(2800, 3\), got \(2800, 2\)"),
    ("hapt", "labels", lambda a: a + np.array([0, 0, 0, 0, 250]), r"labels: row 1 leaves its recording of 400 samples"),
    ("hapt", "labels", lambda a: a + np.array([0, 1, 0, 0, 0]), r"labels: row 0 names another user"),
    ("hapt", "labels", lambda a: a + np.array([0, 0, 12, 0, 0]), r"labels, activity: must be 1…12, got 13 at 0"),
    ("hapt", "acc_scale", lambda a: a * np.nan, r"acc_scale: must be finite and above 0, got nan"),
    ("hapt", "offsets", lambda a: a[:-1], r"offsets: must rise from 0 to 2800"),
    ("nmnist-small", "x", lambda a: a + 34, r"recording 0: x \d+, must be 0…33"),
    ("nmnist-small", "p", lambda a: a[:-1], r"p: needs \d+ entries"),
    ("nmnist-small", "label", lambda a: a[:-1], r"offsets: needs 28 entries, got 29"),
    ("nmnist-small", "n_train", lambda a: a + 9, r"n_train: must be 1…28, got 33"),
    ("nmnist-small", "offsets", lambda a: np.where(np.arange(29) == 3, a[2], a), r"recording 2: empty"),
    (
        "speech-commands-spectrograms",
        "name",
        lambda a: np.where(a == a[30], b"maybe/x.jpg", a),
        r"name 30: must be class",
    ),
    ("speech-commands-spectrograms", "jpg", lambda a: np.zeros_like(a), r"spectrogram 0: damaged"),
    (
        "speech-commands-spectrograms",
        "offsets",
        lambda a: np.where(np.arange(61) == 9, a[8], a),
        r"spectrogram 8: empty",
    ),
    ("spoken-digits", "rate", lambda a: a * 2, r"rate: must be 8000…8000, got 16000"),
    ("spoken-digits", "audio", lambda a: a.astype(np.int32), r"audio: must be int16, got int32"),
    ("spoken-digits", "audio", lambda a: a[:-1], r"offsets: must rise from 0 to"),
    ("spoken-digits", "label", lambda a: a + 9, r"label: must be 0…9, got 10"),
    ("spoken-digits", "offsets", lambda a: np.where(np.arange(73) == 5, a[4], a), r"recording 4: empty"),
    ("spoken-digits", "offsets", lambda a: np.where(np.arange(73) == 5, a[4] + 50, a), r"recording 4: too short"),
]


@pytest.mark.parametrize(("name", "array", "change", "message"), WRONG)
def test_wrong_archives_are_named_with_what_is_wrong(folder: Path, name: str, array: str, change, message: str) -> None:
    arrays = write(folder, name)
    write(folder, name, arrays | {array: change(arrays[array])})
    with pytest.raises(DataError, match=f"{FILES[name][0]}: .*{message}") as error:
        prepared(name)
    assert "\n" not in str(error.value)


def test_spectrograms_of_another_size_are_refused(folder: Path) -> None:
    arrays = write(folder, "speech-commands-spectrograms")
    picture = np.frombuffer(jpeg(np.zeros((40, 98), np.uint8)), np.uint8)
    offsets = arrays["offsets"] - arrays["offsets"][1] + len(picture)
    offsets[0] = 0
    changed = {"jpg": np.concatenate([picture, arrays["jpg"][arrays["offsets"][1] :]]), "offsets": offsets}
    write(folder, "speech-commands-spectrograms", arrays | changed)
    with pytest.raises(DataError, match=r"spectrogram 0: must be grey and 40 × 98, got L \(98, 40\)"):
        prepared("speech-commands-spectrograms")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["truncated", "empty", "no archive", "pickles", "nothing in it"])
def test_files_that_are_no_such_archives_are_named(folder: Path, name: str, how: str) -> None:
    write(folder, name)
    path = folder / FILES[name][0]
    content = path.read_bytes()
    if how == "pickles":
        np.savez(path, **{key: np.array([{}], object) for key in ("label", "offsets", "jpg", "x", "acc")})
    elif how == "nothing in it":
        np.savez(path)
    else:
        path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "no archive": b"x" * 99}[how])
    with pytest.raises(DataError, match=FILES[name][0]):
        prepared(name)
    shutil.rmtree(folder / "prepared", ignore_errors=True)


def test_every_set_says_what_it_is() -> None:
    for name, found in DATA_SETS.items():
        assert found.name == name
        assert all((found.title, found.licence, found.origin, found.content, found.framing))
        assert "n_steps" in found.framing
