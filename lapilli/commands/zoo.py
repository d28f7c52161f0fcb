"""`lapilli zoo`."""

from lapilli.netx_exports.errors import LapilliError, did_you_mean
from lapilli.verbs import second_words


def zoo(what: str = "", /) -> None:
    """See and copy trained networks that come with the code (`zoo list`, `zoo show NAME`, `zoo get NAME`).

    Arguments:
        what: "list", "show", "get" or "add"; `lapilli zoo get --help` lists the options of each.
    """
    got = f", got {what!r}" if what else ""
    raise LapilliError(f"zoo: must be list, show, get or add{got}{did_you_mean(what, second_words('zoo'))}")
