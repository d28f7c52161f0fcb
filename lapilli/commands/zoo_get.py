"""`lapilli zoo get`."""

import os

from lapilli.netx_exports import FormatError, LapilliError, load
from lapilli.netx_exports.files import replacing
from lapilli.printable import say
from lapilli.zoo.folder import MODEL, checked_content, find_entry


def zoo_get(name: str, /, *, out: str | None = None) -> None:
    """Copy the file of a network, when it is the one that its card was written for.

    Arguments:
        name: of the network; `lapilli zoo list` has them.
        out: file to write, which must not be there yet; NAME.net if not given.
    """
    entry = find_entry(name)
    target = f"{name}.net" if out is None else out
    if os.path.lexists(target):
        raise LapilliError(f"{target} is there already; --out names another file")
    content = checked_content(entry.model, entry.card.model)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
        # What was written, so that it is the copy that is the network of the card.
        if (found := load(temporary).fingerprint) != entry.card.fingerprint:
            raise FormatError(str(entry.path / MODEL), [f"is not the network of the card: its fingerprint is {found}"])
    say(f"{target}: {entry.card.title} Fingerprint {entry.card.fingerprint}.")
