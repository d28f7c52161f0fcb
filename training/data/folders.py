"""Where files of data sets are looked for, and where what is made of them goes."""

import os
from collections.abc import Sequence
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError


def data_folder() -> Path:
    """Where data sets lie and prepared ones go: `LAPILLI_DATA`, else the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("LAPILLI_DATA", cache / "lapilli"))


def search_folders() -> tuple[Path, ...]:
    """Folders in which files are looked for, in this order.

    `data_folder()`, the folder that `LAPILLI_SHARED_DATA` names, and `../shared/data` beside a checkout.
    """
    shared = os.environ.get("LAPILLI_SHARED_DATA")
    named = (Path(shared),) if shared else ()
    return (data_folder(), *named, Path(__file__).resolve().parents[2].parent / "shared" / "data")


def find_file(file: str) -> Path | None:
    """The first folder's `file`, which may be a path with folders; None where no folder has it."""
    return next((folder / file for folder in search_folders() if (folder / file).exists()), None)


def needed_files(name: str, files: Sequence[str], origin: str) -> tuple[Path, ...]:
    """Paths of all files of a data set.

    Arguments:
        name: of the data set, for the error.
        files: as `find_file` takes them.
        origin: where a user gets them.

    Raises:
        LapilliError: naming every file that is missing, where to put it and where it comes from.
    """
    found = {file: find_file(file) for file in files}
    if missing := [file for file, path in found.items() if path is None]:
        raise LapilliError(
            f"data set {name} needs {listed(missing)} in {data_folder()} (or another folder that LAPILLI_DATA or "
            f"LAPILLI_SHARED_DATA names); get it from {origin}"
        )
    return tuple(path for path in found.values() if path is not None)


def listed(files: Sequence[str]) -> str:
    """Names of files for a sentence, the first three of many."""
    return ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
