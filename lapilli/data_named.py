"""The data set that a recipe's words name, looked for before the recipe is read: that takes torch, and seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from lapilli.configs import read_config, take_config
from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.origins import check_packed

_SECTION, _OPTION = "--data", "--data.name"
_ASKS = ("-h", "--help", "--print_config")


def check_data(words: Sequence[str]) -> None:
    """Refuse a training whose data are not here.

    Arguments:
        words: of the command line, without the command.

    Raises:
        LapilliError: naming the files that are missing, and what makes them.
    """
    name = None if any(word.startswith(_ASKS) for word in words) else named(words)
    if name is not None:
        check_packed(name)


def named(words: Sequence[str]) -> str | None:
    """The data set that words name, or the configuration file that they name; None where they name none.

    Of several the last one counts. A section as a whole, `--data '{name: hapt}'`, is for whoever reads all of it.
    What is wrong with the words or the file is said by whoever reads all of them.
    """
    try:
        config, rest = take_config(words)
        content = {} if config is None else read_config(config)
    except LapilliError:
        return None
    values, section = [], content.get("data")
    for word, following in zip(rest, [*rest[1:], None]):
        option, equals, value = word.partition("=")
        if option == _OPTION and (equals or following is not None):
            values.append(value if equals else following)
        elif option == _SECTION:
            section = None
    return values[-1] if values else _of_section(section)


def _of_section(section: Any) -> str | None:
    name = section.get("name") if isinstance(section, Mapping) else None
    return name if isinstance(name, str) else None
