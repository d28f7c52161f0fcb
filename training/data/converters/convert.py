"""All converters by name: packed files from a public origin, compared with lapilli's own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import is_file, replacing
from lapilli.training.data.converters import cifar10, hapt, mnist, nmnist_small, speech_commands, spoken_digits
from lapilli.training.data.converters.contents import differences, own_contents
from lapilli.training.data.converters.made import Convert, Made, Say
from lapilli.training.data.folders import data_folder
from lapilli.training.data.origins import check_convertible

_SHEETS = (*range(10), cifar10.TEST_SHEET)

CONVERTERS: dict[str, Convert] = {
    "speech-commands-spectrograms": speech_commands.convert,
    "spoken-digits": spoken_digits.convert,
    "hapt": hapt.convert,
    "nmnist-small": nmnist_small.convert,
    "mnist": mnist.convert,
    "mnist-rows": mnist.convert,
    "cifar10-part": partial(cifar10.convert, _SHEETS, ()),
    "cifar10-held-out": partial(cifar10.convert, _SHEETS, (1, 2, 3)),
}
"""By the name of the data set."""


@dataclass(frozen=True)
class Converted:
    """A packed file that is there now.

    Arguments:
        file: its path within the folder of data.
        path: of the file.
        kept: whether it was there before, and was left as it is.
        differences: from lapilli's own, one phrase each; none where it holds the same.
    """

    file: str
    path: Path
    kept: bool
    differences: tuple[str, ...]


def convert(name: str, root: Path, say: Say = lambda text: None) -> list[Converted]:
    """Make the packed files of a data set in the folder of data, and compare each with lapilli's own.

    Arguments:
        name: of the data set.
        root: folder with its origin.
        say: is told how far it is.

    Returns:
        Each file. One that was there already is left as it is, and compared too.

    Raises:
        LapilliError: for a data set that is not packed, or cannot be made again; when the origin is not there, cannot
            be read, or nothing can be written.
        DataError: for a file of the origin, or one that was there already, that is damaged.
    """
    check_convertible(name)
    return [_placed(made, say) for made in CONVERTERS[name](root, say)]


def _placed(made: Made, say: Say) -> Converted:
    path = data_folder() / made.file
    kept = is_file(path)
    if not kept:
        say(f"writing {made.file}")
        _write(path, made.write)
    say(f"comparing {made.file}")
    return Converted(made.file, path, kept, tuple(differences(path, own_contents()[made.file])))


def _write(path: Path, write: Callable[[Path], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LapilliError(f"cannot write {path}: {error.strerror or error}") from error
    with replacing(path) as temporary:
        write(temporary)
