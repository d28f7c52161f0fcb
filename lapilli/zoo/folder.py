"""Where the zoo lies, which networks are in it, and that their files are what the cards say."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lapilli.netx_exports.errors import FormatError, LapilliError, did_you_mean
from lapilli.netx_exports.files import existing_file
from lapilli.paths import checkout

if TYPE_CHECKING:
    from lapilli.zoo.card import Card, File

VARIABLE = "LAPILLI_ZOO"

CARD, CONFIG, MODEL = "card.yaml", "config.yaml", "model.net"

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Entry:
    """A network of the zoo: a folder with the network, the configuration of its training, and a card.

    Arguments:
        path: the folder; its name is the network's.
    """

    path: Path

    @property
    def name(self) -> str:
        """Of the network."""
        return self.path.name

    @property
    def model(self) -> Path:
        """The network's file."""
        return self.path / MODEL

    @cached_property
    def card(self) -> "Card":
        """What was measured.

        Raises:
            LapilliError: when it cannot be read.
            FormatError: when it is no card.
        """
        # Late, because pydantic takes a while, which commands without the zoo need not wait for.
        from lapilli.zoo.card import read_card

        refuse_links(self)
        return read_card(self.path / CARD)


def zoo_folder() -> Path:
    """The folder that `LAPILLI_ZOO` names, else `zoo` of the checkout that this code runs from.

    Raises:
        LapilliError: when there is none.
    """
    named, root = os.environ.get(VARIABLE), checkout()
    if not named and root is None:
        raise LapilliError(f"the zoo is not installed with lapilli: {VARIABLE} must name the folder zoo of a checkout")
    folder = Path(named or root or "", *([] if named else ["zoo"]))
    if not folder.is_dir():
        raise LapilliError(f"there is no zoo in {folder}; {VARIABLE} names the folder zoo of a checkout of lapilli")
    return folder


def entries() -> list[Entry]:
    """All networks of the zoo, by name.

    Raises:
        LapilliError: when there is no zoo.
    """
    return [Entry(path) for path in sorted(zoo_folder().iterdir()) if _NAME.fullmatch(path.name) and path.is_dir()]


def find_entry(name: str) -> Entry:
    """A network of the zoo by its name.

    Raises:
        LapilliError: when there is none of that name; it says which name is near, or all of them.
    """
    found = {entry.name: entry for entry in entries()}
    if name not in found:
        hint = did_you_mean(name, found) or f"; networks are {', '.join(found) or 'none'}"
        raise LapilliError(f"the zoo has no network {name!r}{hint}")
    return found[name]


def check_name(name: str) -> None:
    """Refuse a name that no network of the zoo can have.

    Raises:
        LapilliError: saying what it must be.
    """
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise LapilliError(
            f"name: must be words of a-z and 0-9 with - between them, {_LONGEST_NAME} characters at most, got {name!r}"
        )


def checked(entry: Entry) -> Entry:
    """The entry, whose network and configuration are those that the card was written for.

    Raises:
        LapilliError: when a file cannot be read.
        FormatError: when a file is a link, or is not what the card says.
    """
    for file, known in ((entry.model, entry.card.model), (entry.path / CONFIG, entry.card.config)):
        checked_content(file, known)
    return entry


def checked_content(file: Path, known: "File") -> bytes:
    """What a file of the zoo holds; not more of it is read than the card says that there is.

    Raises:
        LapilliError: when it cannot be read.
        FormatError: when it is not what the card says.
    """
    try:
        with open(existing_file(file), "rb") as opened:
            content = opened.read(known.bytes + 1)
    except OSError as error:
        raise LapilliError(f"cannot read {file}: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise FormatError(str(file), [f"is not the file that {CARD} describes (its sha256 differs)"])
    return content


def refuse_links(entry: Entry) -> None:
    """Refuse an entry that leads out of the zoo.

    Raises:
        FormatError: naming what is a link.
    """
    parts: Sequence[Path] = (entry.path, *(entry.path / name for name in (CARD, CONFIG, MODEL)))
    for part in parts:
        if part.is_symlink():
            raise FormatError(str(part), ["must not be a link"])
