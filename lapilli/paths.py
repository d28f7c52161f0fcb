"""What a command reads and writes, never the same file; and the checkout that lapilli runs from."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import PathLike

PICTURES = (".svg", ".png")
EVENTS, NETWORKS = (".npz",), (".net", ".nir", ".h5", ".hdf5", ".netx")
"""What files of pictures, of events and of networks are called."""

_KINDS = {
    "decisions": (".csv",),
    "csv": (".csv",),
    "html": (".html", ".htm"),
    "recording": EVENTS,
    "confusion": PICTURES,
    "picture": PICTURES,
}
"""What the files of an option are called; those of `--out` and `--output` are of another kind in each command."""


def check_outputs(
    read: Iterable[PathLike | None], written: Mapping[str, PathLike | None], kind: Sequence[str] = ()
) -> None:
    """Refuse to write over what is read, over a file of another kind, one output over the other, or where no folder is.

    Arguments:
        read: paths; None where nothing is read.
        written: path by option; None where it is not asked for.
        kind: suffixes of the files of `--out` or `--output`.

    Raises:
        LapilliError: naming the option.
    """
    asked = {option: path for option, path in written.items() if path is not None}
    for option, target in asked.items():
        if (taken := same_file(target, read)) is not None:
            raise LapilliError(f"--{option} must not be the file {taken} that is read")
        _check_target(option, Path(target), _KINDS.get(option, kind))
    if len({os.path.realpath(path) for path in asked.values()}) < len(asked):
        raise LapilliError(f"{' and '.join(f'--{option}' for option in asked)} must not be the same file")


def check_folder(path: PathLike) -> None:
    """Refuse a file in a folder that is not there, before any work is done for it.

    Raises:
        LapilliError: naming the file.
    """
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise LapilliError(f"cannot write {path}: No such file or directory")


def _check_target(option: str, path: Path, suffixes: Sequence[str]) -> None:
    check_folder(path)
    # Where it is a link, the file behind it is what is written.
    if suffixes and path.is_file() and Path(os.path.realpath(path)).suffix.lower() not in suffixes:
        raise LapilliError(
            f"--{option}: {path} is there already, and is no {' or '.join(suffixes[:2])} file; it is not written over"
        )


def same_file(path: PathLike, others: Iterable[PathLike | None]) -> PathLike | None:
    """Which of some paths is the same file, by this name or another one."""
    for other in others:
        try:
            if other is not None and os.path.samefile(path, other):
                return other
        except (OSError, ValueError):
            # One of them is not there; whoever reads or writes it says so.
            continue
    return None


def checkout() -> Path | None:
    """The checkout that this code runs from; None where lapilli is installed: its neighbours are somebody else's."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None
