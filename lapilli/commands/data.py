"""`lapilli data`, and what its commands share."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lapilli.choices import wrong_word
from lapilli.netx_exports.installing import data_sets_need
from lapilli.training.data.framing import Lines


def data(what: str = "", /) -> None:
    """See and prepare data sets (`data list`, `data prepare NAME`, `data show NAME`, …).

    Arguments:
        what: "list", "prepare", "show", "save", "convert" or "make"; `lapilli data prepare --help` lists the options of
            each.
    """
    raise wrong_word("data", what)


def catalogue() -> ModuleType:
    """`lapilli.training.data.catalogue`, which needs more than the commands' options do.

    Raises:
        LapilliError: where what it needs is not installed.
    """
    try:
        from lapilli.training.data import catalogue as found
    except ModuleNotFoundError as error:
        raise data_sets_need(error) from error
    return found


def with_lines(parts: Mapping[Any, Any], lines: Lines) -> dict[Any, Any]:
    """Parts of a data set whose samples have lines beside their channels.

    Raises:
        LapilliError: for samples that are images.
    """
    from lapilli.training.data.lines import lined

    return {name: lined(samples, lines) for name, samples in parts.items()}
