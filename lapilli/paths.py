"""What a command reads and writes, never the same file; and the checkout that lapilli runs from."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import PathLike, begins_as, checked_target

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
"""What the files of an option are called; those of `--out` are of another kind in each command."""


_BEGINNINGS: Mapping[Sequence[str], str] = {EVENTS: "archive", NETWORKS: "HDF5"}
"""A word of what `begins_as` says of them."""


def check_outputs(
    read: Iterable[PathLike | None], written: Mapping[str, PathLike | None], kind: Sequence[str] = ()
) -> None:
    """Refuse to write over what is read, over a file of another kind, one output over the other, or where no folder is.

    Arguments:
        read: paths; None where nothing is read.
        written: path by option; None where it is not asked for.
        kind: suffixes of the files of `--out`.

    Raises:
        LapilliError: naming the option.
    """
    asked = {option: path for option, path in written.items() if path is not None}
    for option, target in asked.items():
        if (taken := same_file(target, read)) is not None:
            raise LapilliError(f"--{option} must not be the file {taken} that is read")
        _check_target(option, target, _KINDS.get(option, kind))
    if len({os.path.realpath(path) for path in asked.values()}) < len(asked):
        raise LapilliError(f"{' and '.join(f'--{option}' for option in asked)} must not be the same file")


def _check_target(option: str, path: PathLike, suffixes: Sequence[str]) -> None:
    target = checked_target(path)
    if suffixes and target.is_file() and not _is_of(target, suffixes):
        raise LapilliError(
            f"--{option}: {path} is there already, and is no {' or '.join(suffixes[:2])} file; it is not written over"
        )


def _is_of(file: Path, suffixes: Sequence[str]) -> bool:
    """Whether a file is of a kind: by its first bytes where they tell, and else by its name."""
    if suffixes not in _BEGINNINGS or not file.stat().st_size:
        return file.suffix.lower() in suffixes
    return _BEGINNINGS[suffixes] in begins_as(file)


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
