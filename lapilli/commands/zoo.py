"""`lapilli zoo`."""

import difflib

from lapilli.netx_exports import LapilliError

_WORDS = ("list", "show", "get", "add")


def zoo(what: str, /) -> None:
    """See and copy trained networks that come with the code (`zoo list`, `zoo show NAME`, `zoo get NAME`).

    Arguments:
        what: "list", "show", "get" or "add"; `lapilli zoo get --help` lists the options of each.
    """
    near = difflib.get_close_matches(what, _WORDS, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise LapilliError(f"zoo: must be list, show, get or add, got {what!r}{meant}")
