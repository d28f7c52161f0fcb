"""`zoo:NAME`, where a network file or a run folder may be named."""

from collections.abc import Mapping
from typing import Any

from lapilli.zoo.folder import Entry, checked, find_entry

PREFIX = "zoo:"


def is_of_zoo(word: str) -> bool:
    """Whether a word of the command line names a network of the zoo; a file of such a name is `./zoo:NAME`."""
    return word.startswith(PREFIX)


def entry_of(word: str) -> Entry:
    """What `zoo:NAME` names, with the files that its card was written for.

    Raises:
        LapilliError: when there is no such network.
        FormatError: when its files are not those of the card.
    """
    return checked(find_entry(word.removeprefix(PREFIX)))


def with_drain(config: Mapping[str, Any], entry: Entry) -> Mapping[str, Any]:
    """The configuration of an entry's training, whose samples run as long as those that the card is about."""
    data = config.get("data")
    return {**config, "data": {**data, "drain": entry.card.drain}} if isinstance(data, Mapping) else config
