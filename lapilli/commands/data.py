"""`lapilli data`, and what its commands share."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lapilli.netx_exports.errors import LapilliError, did_you_mean
from lapilli.netx_exports.installing import how_to_install_module
from lapilli.training.data.framing import Lines
from lapilli.verbs import second_words


def data(what: str = "", /) -> None:
    """See and prepare data sets (`data list`, `data prepare NAME`, `data show NAME`, …).

    Arguments:
        what: "list", "prepare", "show", "save", "convert" or "make"; `lapilli data prepare --help` lists the options of
            each.
    """
    got = f", got {what!r}" if what else ""
    near = did_you_mean(what, second_words("data"))
    raise LapilliError(f"data: must be list, prepare, show, save, convert or make{got}{near}")


def catalogue() -> ModuleType:
    """`lapilli.training.data.catalogue`, which needs more than the commands' options do.

    Raises:
        LapilliError: where what it needs is not installed.
    """
    try:
        from lapilli.training.data import catalogue as found
    except ModuleNotFoundError as error:
        raise LapilliError(f"data sets need {error.name}: {how_to_install_module(error.name)}") from error
    return found


def with_lines(parts: Mapping[Any, Any], lines: Lines) -> dict[Any, Any]:
    """Parts of a data set whose samples have lines beside their channels.

    Raises:
        LapilliError: for samples that are images.
    """
    from lapilli.training.data.lines import lined

    return {name: lined(samples, lines) for name, samples in parts.items()}
