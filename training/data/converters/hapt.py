"""HAPT: the text files of the raw data become `hapt.npz`, in the steps of the sensors' converters."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.converters.folder import OriginFolder, origin_folder
from lapilli.training.data.converters.made import Made, Say, archive, counted, offsets
from lapilli.training.data.sets import DataError

SCALES = {"acc": 1 / 720, "gyro": 0.0175 * np.pi / 180}
"""Steps of the sensors: g, and rad/s (17.5 mdps)."""

_PLACES = ("", "RawData", "Raw-Data", "HAPT Data Set/RawData", "Data/Original-Data/HAPT-Dataset/Raw-Data")
_LABELS = "labels.txt"
_NAME = re.compile(r"acc_exp([0-9]{2})_user([0-9]{2})\.txt")
_OFF = 0.05
"""Of a step: published values are rounded, so that they are not whole steps to the last digit."""
_MOST_BYTES = 1 << 23
_AXES, _FACTS = 3, 5


def convert(root: Path, say: Say) -> Iterator[Made]:
    """The archive, recordings in the order of their numbers.

    Arguments:
        root: the unpacked official archive, a clone of the repository, or the folder of the raw data.
        say: is told how far it is.

    Raises:
        LapilliError: when the raw data are not there, or a file cannot be read.
        DataError: for a file that holds anything but whole steps of its sensor.
    """
    folder = origin_folder(root, _PLACES, re.compile(re.escape(_LABELS)), f"raw data with {_LABELS}")
    found = [match for name in folder.names(_NAME) if (match := _NAME.fullmatch(name))]
    if [int(match[1]) for match in found] != list(range(1, len(found) + 1)) or not found:
        raise LapilliError(f"recordings in {folder.place} must be acc_exp01 to the last one, one file each")
    names = [match[0] for match in found]
    acc, gyro = [], []
    for name in counted(folder, names, say):
        acc.append(_steps(folder, name, "acc"))
        gyro.append(_steps(folder, name.replace("acc", "gyro", 1), "gyro"))
        if len(gyro[-1]) != len(acc[-1]):
            raise DataError(str(folder.place / name), [f"has {len(acc[-1])} samples, its gyroscope {len(gyro[-1])}"])
    arrays = {
        "acc": np.concatenate(acc),
        "gyro": np.concatenate(gyro),
        "offsets": offsets([len(samples) for samples in acc]),
        "user": np.array([int(match[2]) for match in found], np.uint8),
        "labels": _labels(folder),
        "acc_scale": np.float64(SCALES["acc"]),
        "gyro_scale": np.float64(SCALES["gyro"]),
    }
    yield archive("hapt.npz", arrays)


def _steps(folder: OriginFolder, name: str, sensor: str) -> npt.NDArray[np.int16]:
    """(samples, axes) in steps of the sensor."""
    values = _numbers(folder, name, _AXES) / SCALES[sensor]
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    # What is no number becomes one that is off.
    steps = np.rint(np.clip(np.nan_to_num(values, nan=np.inf), low, high))
    off = ~(np.abs(values - steps) < _OFF)
    if off.any():
        row, axis = np.argwhere(off)[0]
        phrase = f"line {row + 1}, column {axis + 1}: must be a whole step of the sensor, within 16 bits"
        raise DataError(str(folder.place / name), [phrase])
    return steps.astype(np.int16)


def _labels(folder: OriginFolder) -> npt.NDArray[np.int32]:
    values = _numbers(folder, _LABELS, _FACTS)
    if not np.all((values == np.rint(values)) & (values >= 1) & (values <= np.iinfo(np.int32).max)):
        raise DataError(str(folder.place / _LABELS), ["must hold whole numbers from 1 on"])
    return values.astype(np.int32)


def _numbers(folder: OriginFolder, name: str, columns: int) -> npt.NDArray[np.float64]:
    content = folder.read(name, _MOST_BYTES)
    try:
        text = content.decode("ascii")
        if not text.strip():
            raise ValueError("it is empty")
        values = np.loadtxt(io.StringIO(text), np.float64, comments=None, ndmin=2)
    except ValueError as error:
        raise DataError(str(folder.place / name), [f"must hold rows of {columns} numbers ({error})"]) from error
    if values.shape[1] != columns:
        raise DataError(str(folder.place / name), [f"must have {columns} columns, got {values.shape[1]}"])
    return values
