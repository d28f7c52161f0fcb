"""JSON of strangers: bounded in depth, so that whatever walks through it comes to an end."""

import json
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 100
"""Lists and objects within one another."""


def read_json(text: str | bytes) -> Any:
    """The value that `text` holds.

    Raises:
        ValueError: for what is no JSON, lies deeper than `MAX_DEPTH`, or holds a number of thousands of digits.
    """
    too_deep = f"more than {MAX_DEPTH} lists or objects within one another"
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError(too_deep) from error
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    level = _holders([found])
    for _ in range(MAX_DEPTH):
        level = [inner for holder in level for inner in _holders(_held(holder))]
        if not level:
            return found
    raise ValueError(too_deep)


def _holders(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]


def _held(holder: Any) -> Iterable[Any]:
    return holder.values() if isinstance(holder, dict) else holder
