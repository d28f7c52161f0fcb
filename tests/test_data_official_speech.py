"""Google Speech Commands in its official folders, and UCI HAR in its text files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from official_files import write_tar, write_wave

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.audio import HIGHEST_DB, LOWEST_DB
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.encoders import direct, to_unit
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.mel import MelConfig, log_mel
from lapilli.training.data.official import speech as official_speech
from lapilli.training.data.official.motion import SIGNALS
from lapilli.training.data.official.speech import FOLDER, NOISE
from lapilli.training.data.sets import DataError, PartName

TRAIN = ("bed/aa_nohash_0.wav", "bed/bb_nohash_0.wav", "zero/aa_nohash_1.wav")
VALIDATION = ("bed/cc_nohash_0.wav",)
TEST = ("zero/dd_nohash_0.wav", "zero/dd_nohash_1.wav")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    monkeypatch.setenv("LAPILLI_SHARED_DATA", str(tmp_path / "none"))
    return tmp_path


def write_speech(folder: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    lengths = (16000, 12000, 16000, 18000, 16000, 9000)
    audio = {name: rng.normal(0, 3000, n).astype(np.int16) for name, n in zip((*TRAIN, *VALIDATION, *TEST), lengths)}
    for name, samples in audio.items():
        write_wave(folder / FOLDER / name, samples)
    write_wave(folder / FOLDER / NOISE / "white.wav", np.zeros(100, np.int16))
    (folder / FOLDER / "validation_list.txt").write_text("".join(f"{name}\n" for name in VALIDATION))
    (folder / FOLDER / "testing_list.txt").write_text("".join(f"{name}\n" for name in TEST))
    return audio


def test_speech_commands_are_split_by_the_official_lists(folder: Path) -> None:
    audio = write_speech(folder)
    found = prepared("speech-commands")
    assert (found.shape, found.n_steps, found.step_ms, found.classes) == ((40,), 101, 10.0, ("bed", "zero"))
    parts: dict[PartName, Any] = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
    for part, names in parts.items():
        spectrograms = np.stack([log_mel(audio[name], 16000) for name in names])
        expected = direct(to_unit(spectrograms, LOWEST_DB, HIGHEST_DB), 16)
        assert np.array_equal(found.part(part).events().to_dense(), expected), part
    assert found.part("train").labels.tolist() == [0, 0, 1]
    assert found.part("train").groups.tolist() == [0, 1, 0]
    assert found.part("test").groups.tolist() == [3, 3]


@pytest.mark.parametrize(("bin_ms", "n_steps"), [(10.0, 101), (25.0, 41), (5.0, 201)])
def test_bins_are_hops_as_in_the_paper(folder: Path, bin_ms: float, n_steps: int) -> None:
    audio = write_speech(folder)
    found = prepared("speech-commands", Framing(bin_ms=bin_ms, bands=20, encoder="delta", threshold=0.05))
    assert (found.shape, found.n_steps) == ((40,), n_steps)
    config = MelConfig(n_mels=20, hop=round(bin_ms * 8))
    values = to_unit(log_mel(audio[TEST[0]], 16000, config), LOWEST_DB, HIGHEST_DB)
    on, off = np.split(found.part("test").select([0]).to_dense()[0], 2)
    assert np.abs(np.cumsum(on - off, axis=1) * 0.05 - values).max() < 0.05 + 1e-12


def test_a_hop_must_be_a_whole_number_of_samples(folder: Path) -> None:
    write_speech(folder)
    with pytest.raises(LapilliError, match=r"bin_ms: must be a multiple of 0.125 ms.*, got 0.3"):
        prepared("speech-commands", Framing(bin_ms=0.3))


def test_the_archive_is_checked_and_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = folder / "elsewhere"
    write_speech(elsewhere)
    files = {
        f"./{path.relative_to(elsewhere / FOLDER)}": path.read_bytes()
        for path in (elsewhere / FOLDER).rglob("*")
        if path.is_file()
    }
    archive = folder / official_speech.ARCHIVE
    write_tar(archive, files)
    with pytest.raises(LapilliError, match=r"speech-commands is not here .*does not have the official checksum"):
        prepared("speech-commands")
    monkeypatch.setattr(official_speech, "_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert len(prepared("speech-commands").part("train")) == 3


def test_without_files_and_network_the_error_names_the_archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(LapilliError, match=rf"no network.*put speech_commands_v0.02.tar.gz into {folder}"):
        prepared("speech-commands")


def wrong_rate(path: Path) -> None:
    write_wave(path, np.ones(100, np.int16), 8000)


def stereo(path: Path) -> None:
    write_wave(path, np.ones(100, np.int16), 16000, 2)


def silent(path: Path) -> None:
    write_wave(path, np.zeros(0, np.int16))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3044])


def text(path: Path) -> None:
    path.write_text("<html>404</html>")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong_rate, "must have one channel at 16000 Hz of 16 bits, got 1 at 8000 Hz of 16 bits"),
        (stereo, "must have one channel at 16000 Hz of 16 bits, got 2 at 16000 Hz of 16 bits"),
        (silent, "holds no sound"),
        (truncated, "ends after 1500 of 16000 samples"),
        (text, "missing, damaged or another file"),
    ],
)
def test_bad_audio_is_named(folder: Path, change: Callable[[Path], None], message: str) -> None:
    write_speech(folder)
    change(folder / FOLDER / TRAIN[0])
    with pytest.raises(DataError, match=f"{TRAIN[0]}: {message}"):
        prepared("speech-commands")


def test_a_recording_that_a_list_names_must_be_there(folder: Path) -> None:
    write_speech(folder)
    (folder / FOLDER / TEST[0]).unlink()
    with pytest.raises(DataError, match=rf"{TEST[0]}: in an official list, but not there"):
        prepared("speech-commands")


def write_har(folder: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    users = {"train": [1, 1, 27, 28, 29, 30], "test": [2, 4]}
    values = {}
    for part, who in users.items():
        base = folder / "UCI HAR Dataset" / part
        (base / "Inertial Signals").mkdir(parents=True)
        np.savetxt(base / f"subject_{part}.txt", who, "%d")
        np.savetxt(base / f"y_{part}.txt", 1 + np.arange(len(who)) % 6, "%d")
        values[part] = rng.normal(1, 2, (len(who), 9, 128)).round(3)
        for place, signal in enumerate(SIGNALS):
            path = base / "Inertial Signals" / f"{signal}_{part}.txt"
            np.savetxt(path, values[part][:, place], " %.7e", delimiter=" ")
    return values


def test_uci_har(folder: Path) -> None:
    values = write_har(folder)
    found = prepared("uci-har")
    assert (found.shape, found.n_steps, found.step_ms) == ((9,), 128, 20.0)
    assert found.classes[0] == "walking"
    assert len(found.classes) == 6
    train = values["train"]
    mean, deviation = train.mean((0, 2), keepdims=True), train.std((0, 2), keepdims=True)
    expected = direct(np.clip((values["test"] - mean) / (3 * deviation), -1, 1), 16)
    assert np.array_equal(found.part("test").events().to_dense(), expected)
    assert found.part("train").labels.tolist() == [0, 1]
    assert found.part("validation").groups.tolist() == [27, 28, 29, 30]
    assert prepared("uci-har", split=Split(validation_groups=(1,))).part("validation").groups.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("y_train.txt", "1\n2\n3\n4\n5\n7\n", r"y_train.txt: activity: must be 1…6, got 7 at 5"),
        ("y_train.txt", "", r"y_train.txt: "),
        ("subject_train.txt", "1\n2\n", r"subject: needs 6 entries, got 2"),
        ("Inertial Signals/body_acc_y_train.txt", "1 2 3\n", r"body_acc_y_train.txt: must be 6 windows of 128, got"),
        ("Inertial Signals/body_acc_y_train.txt", "1 nan\n", r"body_acc_y_train.txt: must hold finite numbers"),
        ("Inertial Signals/body_acc_y_train.txt", "1 2\n3\n", r"body_acc_y_train.txt: missing, damaged"),
        ("Inertial Signals/body_acc_y_train.txt", "one\n", r"body_acc_y_train.txt: missing, damaged"),
    ],
)
def test_damaged_text_files_are_named(folder: Path, file: str, content: str, message: str) -> None:
    write_har(folder)
    (folder / "UCI HAR Dataset/train" / file).write_text(content)
    with pytest.raises(DataError, match=message):
        prepared("uci-har")


def test_uci_har_says_what_to_put_where(folder: Path) -> None:
    with pytest.raises(
        LapilliError,
        match=rf"UCI HAR Dataset/train/y_train\.txt, .* in {folder} .* get it from https://archive",
    ):
        prepared("uci-har")
