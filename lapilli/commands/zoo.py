"""`lapilli zoo`."""

from lapilli.choices import wrong_word


def zoo(what: str = "", /) -> None:
    """See and copy trained networks that come with the code (`zoo list`, `zoo show NAME`, `zoo get NAME`).

    Arguments:
        what: "list", "show", "get" or "add"; `lapilli zoo get --help` lists the options of each.
    """
    raise wrong_word("zoo", what)
