"""Reading a folder that a stranger filled: names and sizes before contents, and nothing outside of the folder."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import existing_file
from lapilli.training.data.sets import DataError

MOST_FILES = 1 << 17
"""Entries of a folder: more than any origin has."""


@dataclass(frozen=True)
class OriginFolder:
    """A folder of an origin's files.

    Arguments:
        root: the folder that the user named; no file outside of it is read.
        place: it, or a folder in it, where the files lie.
    """

    root: Path
    place: Path

    def names(self, pattern: "re.Pattern[str]", inner: str = "") -> list[str]:
        """Sorted names that match a pattern as a whole.

        Arguments:
            pattern: of the names.
            inner: folder within `place`.

        Raises:
            DataError: when the folder has more entries than any origin.
        """
        return sorted(name for name in _entries(self.place / inner) if pattern.fullmatch(name))

    def has(self, name: str) -> bool:
        """Whether there is an entry of that name."""
        return (self.place / name).exists()

    def read(self, name: str, most: int, least: int = 1) -> bytes:
        """The content of a file.

        Arguments:
            name: path within `place`.
            most, least: bytes that it may have.

        Raises:
            LapilliError: when it is missing, unreadable or no regular file.
            DataError: when it has another size, or lies outside of the folder.
        """
        path = existing_file(self.place / name)
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise DataError(str(path), [f"is a link to a file outside of {self.root}"])
        if not least <= (size := path.stat().st_size) <= most:
            wanted = f"{most}" if least == most else f"{least} to {most}"
            raise DataError(str(path), [f"must have {wanted} bytes, got {size}"])
        with open(path, "rb") as file:
            # Somebody may write to it meanwhile.
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(str(path), [f"must have at most {most} bytes"])
        return content


def origin_folder(root: Path, places: Sequence[str], pattern: "re.Pattern[str]", files: str) -> OriginFolder:
    """The first place that has what is looked for.

    Arguments:
        root: the folder that the user named.
        places: folders within it, "" for itself.
        pattern: of the name of an entry that the right place has.
        files: what is looked for, in words.

    Raises:
        LapilliError: when `root` is no folder, or no place has it.
    """
    try:
        is_folder = root.is_dir()
    except OSError as error:
        raise LapilliError(f"cannot read {root}: {error.strerror or error}") from error
    if not is_folder:
        raise LapilliError(f"cannot read {root}: it is no folder")
    for place in places:
        if any(pattern.fullmatch(name) for name in _entries(root / place)):
            return OriginFolder(root, root / place)
    looked = ", ".join(str(root / place) for place in places)
    raise LapilliError(f"found no {files}; looked in {looked}")


def _entries(folder: Path) -> list[str]:
    """Names in a folder; none where there is no such folder."""
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > MOST_FILES:
                    raise DataError(str(folder), [f"must hold at most {MOST_FILES} files"])
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LapilliError(f"cannot read {folder}: {error.strerror or error}") from error
    return names
