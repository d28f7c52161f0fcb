"""Public origins of the data sets that lapilli packs, and what to do where a packed file is missing.

Nothing here needs numpy or torch, so that a command says at once what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.folders import data_folder, find_file, listed

_MIB = 1 << 20


@dataclass(frozen=True)
class Origin:
    """Where a packed data set comes from.

    Arguments:
        name: of the data set.
        url: of the repository, or of the page with the official files.
        commit: of the repository; "" where the official files are meant.
        licence: of the data.
        files: which files are read there.
        packed: the packed files, paths within a folder of data, and the size of lapilli's own in bytes.
        lost: why no converter makes the files; "" where one does.
    """

    name: str
    url: str
    commit: str
    licence: str
    files: str
    packed: Mapping[str, int]
    lost: str = ""

    @property
    def words(self) -> str:
        """The origin in a few words."""
        return f"{self.url} (commit {self.commit})" if self.commit else self.url

    @property
    def how(self) -> str:
        """What makes the packed files, as a phrase."""
        if self.lost:
            return f"{self.lost}; origin {self.words}"
        return f"`lapilli data convert {self.name} FOLDER` makes it from {self.files} of {self.words} in FOLDER"


def packed_files(name: str) -> tuple[Path, ...]:
    """Paths of the packed files of a data set.

    Arguments:
        name: of a data set in `ORIGINS`.

    Raises:
        LapilliError: naming every file that is missing, its size and licence, where to put it and what makes it.
    """
    origin = ORIGINS[name]
    found = {file: find_file(file) for file in origin.packed}
    if missing := [file for file, path in found.items() if path is None]:
        size = sum(origin.packed[file] for file in missing) / _MIB
        raise LapilliError(
            f"data set {name} needs {listed(missing)} in {data_folder()} (or another folder that LAPILLI_DATA or "
            f"LAPILLI_SHARED_DATA names); size {size:.1f} MiB, licence {origin.licence}; {origin.how}"
        )
    return tuple(path for path in found.values() if path is not None)


def check_packed(name: str) -> None:
    """Refuse a packed data set whose files are not all here, as `packed_files`; other names are let through."""
    if name in ORIGINS:
        packed_files(name)


def check_convertible(name: str) -> None:
    """Refuse what no converter makes.

    Arguments:
        name: of a data set.

    Raises:
        LapilliError: for a data set that is not packed, or that cannot be made again.
    """
    if name not in ORIGINS:
        packed = ", ".join(origin.name for origin in ORIGINS.values() if not origin.lost)
        raise LapilliError(f"data set {name!r} has no converter; `lapilli data convert` makes {packed}")
    if ORIGINS[name].lost:
        raise LapilliError(f"data set {name}: {ORIGINS[name].how}")


SHD_REGENERATED = Origin(
    "shd-regenerated",
    "https://github.com/Petra12345/cochlea_model",
    "36fe7a6",
    "CC BY 4.0 (Heidelberg Digits)",
    "the audio",
    {"shd_regen_1ms.npz": 59_283_065},
    lost="it cannot be made again, because its spikes are one random draw of a cochlea model; train on the official "
    "set `shd`, which `lapilli data prepare shd` downloads",
)

SPEECH_COMMANDS_SPECTROGRAMS = Origin(
    "speech-commands-spectrograms",
    "https://github.com/thegtagamer/PICO-tinyML-benchmark",
    "0ad315a",
    "CC BY 4.0",
    "the pictures in MLTK_keyworkSpotting/dataset",
    {"gsc_v2_spec_jpg.npz": 55_764_563},
)

SPOKEN_DIGITS = Origin(
    "spoken-digits",
    "https://github.com/Jakobovski/free-spoken-digit-dataset",
    "26eb9aa",
    "CC BY-SA 4.0",
    "recordings/*.wav",
    {"fsdd.npz": 15_429_213},
)

HAPT = Origin(
    "hapt",
    "https://github.com/anas337/Human-Activity-Recognition-Using-Smartphones.github.io",
    "df97739",
    "no commercial use; cite Reyes-Ortiz 2015",
    "the raw data (labels.txt, acc_exp*.txt, gyro_exp*.txt)",
    {"hapt.npz": 9_836_880},
)

NMNIST_SMALL = Origin(
    "nmnist-small",
    "https://github.com/bamsumit/slayerPytorch",
    "01beeeb",
    "CC BY-SA 4.0",
    "example/NMNISTsmall",
    {"nmnist_small.npz": 10_519_603},
)

MNIST = Origin(
    "mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "",
    "none stated",
    "the four idx files",
    {"mnist.npz": 11_464_034},
)

_SHEETS = {
    "cifar10_png/cifar10_batch_0.png": 2_318_456,
    "cifar10_png/cifar10_batch_1.png": 2_326_379,
    "cifar10_png/cifar10_batch_2.png": 2_312_906,
    "cifar10_png/cifar10_batch_3.png": 2_328_590,
    "cifar10_png/cifar10_batch_4.png": 2_303_320,
    "cifar10_png/cifar10_batch_5.png": 2_303_313,
    "cifar10_png/cifar10_batch_6.png": 2_326_638,
    "cifar10_png/cifar10_batch_7.png": 2_314_475,
    "cifar10_png/cifar10_batch_8.png": 2_309_737,
    "cifar10_png/cifar10_batch_9.png": 2_296_835,
    "cifar10_png/cifar10_batch_50.png": 2_315_890,
    "cifar10_png/cifar10_labels.js": 153_013,
}

CIFAR10_PART = Origin(
    "cifar10-part",
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    "",
    "none stated",
    "the binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin)",
    _SHEETS,
)

CIFAR10_HELD_OUT = replace(
    CIFAR10_PART,
    name="cifar10-held-out",
    packed=_SHEETS
    | {"cifar10/train_1.npz": 16_617_440, "cifar10/train_2.npz": 16_622_516, "cifar10/train_3.npz": 16_597_644},
)

_NO_CONVERTER = "no converter of lapilli makes it yet"

STEMNIST = Origin(
    "stemnist-circuit-spikes",
    "https://github.com/Four-Q/STEMNIST_Classify",
    "f7aeff0",
    "none stated; cite arXiv 2601.01658",
    "data/spike.zip",
    {"stemnist_spikes.npz": 1_221_974},
    lost=_NO_CONVERTER,
)

GRASPS = Origin(
    "ev-objects",
    "https://github.com/clear-nus/TactileSGNet",
    "f224d38",
    "none stated; cite Gu et al., IROS 2020",
    "the grasps",
    {"evtactile.npz": 1_349_931},
    lost=_NO_CONVERTER,
)

DVS_OBJECTS = Origin(
    "dvs-objects",
    "https://github.com/eberlawrence/DVS128_BioLab",
    "40a6699",
    "none stated",
    "the recordings",
    {"dvs_objects.npz": 6_454_055},
    lost=_NO_CONVERTER,
)

BRAILLE = Origin(
    "braille",
    "https://github.com/VitF/Neu-BrAuER",
    "4fd104b",
    "none stated; cite Müller-Cleve et al. 2022 and Fra et al. 2023",
    "the test samples",
    {"braille540.npz": 123_755},
    lost=_NO_CONVERTER,
)

ORIGINS: dict[str, Origin] = {
    origin.name: origin
    for origin in (
        *(SHD_REGENERATED, SPEECH_COMMANDS_SPECTROGRAMS, SPOKEN_DIGITS, HAPT, NMNIST_SMALL),
        *(MNIST, replace(MNIST, name="mnist-rows"), CIFAR10_PART, CIFAR10_HELD_OUT),
        *(STEMNIST, replace(STEMNIST, name="stemnist-circuit-spikes-stratified")),
        *(GRASPS, replace(GRASPS, name="ev-containers"), DVS_OBJECTS, BRAILLE),
    )
}
"""The origin of each data set that lapilli packs, by the set's name."""
