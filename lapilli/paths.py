"""What a command reads and writes, never the same file; and the checkout that lapilli runs from."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import PathLike


def check_outputs(read: Iterable[PathLike | None], written: Mapping[str, PathLike | None]) -> None:
    """Refuse to write over what is read, or one output over the other.

    Arguments:
        read: paths; None where nothing is read.
        written: path by option; None where it is not asked for.

    Raises:
        LapilliError: naming the option.
    """
    asked = {option: path for option, path in written.items() if path is not None}
    for option, target in asked.items():
        if (taken := same_file(target, read)) is not None:
            raise LapilliError(f"--{option} must not be the file {taken} that is read")
    if len({os.path.realpath(path) for path in asked.values()}) < len(asked):
        raise LapilliError(f"{' and '.join(f'--{option}' for option in asked)} must not be the same file")


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
