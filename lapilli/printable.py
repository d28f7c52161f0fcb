"""Text that may hold what strangers wrote, on its way to a terminal: no character of it moves the cursor or hides."""

import unicodedata

_BREAKS = ("Zl", "Zp")


def printable(text: str) -> str:
    """`text` with control and format characters as Python writes them (`\\x1b`); ends of lines stay."""
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) else char.encode("unicode_escape").decode() for char in text)


def say(text: str) -> None:
    """Print lines on the standard output."""
    print(printable(text))


def _is_shown(char: str) -> bool:
    kind = unicodedata.category(char)
    return char == "\n" or not (kind.startswith("C") or kind in _BREAKS)
