"""YAML of strangers, read in one place: bounded in size, depth and length of numbers, every key once, no aliases."""

from collections.abc import Mapping
from typing import Any

import yaml

from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike, existing_file

MAX_BYTES = 1 << 18
"""Of a file: PyYAML needs some seconds for it."""

MAX_DEPTH = 32
"""Lists and mappings within one another."""

MAX_NUMBER = 64
"""Characters of a number or a date."""

_NUMBERS = ("int", "float", "timestamp")


def read_yaml(path: PathLike) -> Any:
    """What a YAML file holds.

    Raises:
        LapilliError: when there is no such file, or it cannot be read.
        FormatError: when it is no YAML, or more than this reader takes.
    """
    file = existing_file(path)
    with open(file, "rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise FormatError(str(path), [f"must have at most {MAX_BYTES:,} bytes, got {file.stat().st_size:,}"])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(str(path), [f"not text in UTF-8 ({error.reason} at byte {error.start})"]) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """What YAML text holds.

    Arguments:
        text: to read.
        where: it comes from, as errors name it.

    Raises:
        FormatError: when it is no YAML, or more than this reader takes.
    """
    try:
        return yaml.load(text, _Loader)
    except Exception as error:
        # A tag in front of what does not fit it makes PyYAML raise errors of many unrelated types.
        raise FormatError(where, [f"not YAML that lapilli reads ({_reason(error):.300})"]) from error


def write_yaml(content: Mapping[str, Any]) -> str:
    """Plain values as text that `parse_yaml` reads: without aliases, keys in their order."""
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML's loader of plain values, within bounds."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise _refused("an alias, which may grow on reading, is not allowed", self.peek_event())
        if self._depth >= MAX_DEPTH:
            raise _refused(f"more than {MAX_DEPTH} lists or mappings lie within one another", self.peek_event())
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(map(str, keys))) != len(keys):
            raise _refused("a key is given twice", node)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> Any:
        """A number or a date, unless its text is too long to be one."""
        kind = node.tag.rpartition(":")[2]
        if len(self.construct_scalar(node)) > MAX_NUMBER:
            raise _refused(f"a number has at most {MAX_NUMBER} characters", node)
        return getattr(self, f"construct_yaml_{kind}")(node)


for _kind in _NUMBERS:
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """PyYAML's writer of plain values, which writes a value again where it comes again."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _reason(error: Exception) -> str:
    """What is wrong, on one line; PyYAML would draw a caret below the place."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join((str(error) or type(error).__name__).split())
    words = ", ".join(text for text in (error.context, error.problem) if text)
    return f"{words} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"


def _refused(text: str, at: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, text, at.start_mark)
