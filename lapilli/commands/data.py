"""`lapilli data`, and what its commands share."""

from types import ModuleType

from lapilli.netx_exports import LapilliError


def data(what: str, /) -> None:
    """See and prepare data sets (`data list`, `data prepare NAME`, `data show NAME`).

    Arguments:
        what: "list", "prepare" or "show"; `lapilli data prepare --help` lists the options of each.
    """
    raise LapilliError(f"data: must be list, prepare or show, got {what!r}")


def catalogue() -> ModuleType:
    """`lapilli.training.data.catalogue`, which needs more than the commands' options do.

    Raises:
        LapilliError: where what it needs is not installed.
    """
    try:
        from lapilli.training.data import catalogue as found
    except ModuleNotFoundError as error:
        raise LapilliError(f"data sets need {error.name}: pip install 'lapilli[train]' on Python 3.10") from error
    return found
