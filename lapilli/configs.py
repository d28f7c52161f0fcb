"""Configuration files of a recipe: by path, or by the name of one that comes with lapilli."""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import LapilliError, did_you_mean
from lapilli.netx_exports.files import is_file
from lapilli.verbs import second_words

CONFIG = "config"
OPTION = f"--{CONFIG}"


def take_config(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Which configuration command-line words name, by `--config` or as the first word, and the other words.

    Raises:
        LapilliError: for more than one.
    """
    found: list[str] = []
    rest = list(words)
    if rest and not rest[0].startswith("-"):
        found.append(rest.pop(0))
    for place in reversed(range(len(rest))):
        name, equals, value = rest[place].partition("=")
        if name == OPTION and (equals or place + 1 < len(rest)):
            found.append(value if equals else rest.pop(place + 1))
            rest.pop(place)
    if len(found) > 1:
        raise LapilliError(f"config: must be one file, got {' and '.join(found)}")
    return (found[0] if found else None), rest


def read_config(config: str) -> dict[str, Any]:
    """What a configuration file holds.

    Arguments:
        config: path of a file, or, where there is none, the name of a packaged one, without or with ".yaml".

    Raises:
        LapilliError: when there is no such file; it names those that come with lapilli.
        FormatError: when it holds no options.
    """
    from lapilli.simulators.configurations import read_mapping

    path = Path(config)
    if not is_file(path):
        names = {file.stem: file for file in sorted(_packaged().glob("*.yaml"))}
        known = names.get(config.removesuffix(".yaml"))
        if known is None and path.is_dir():
            raise LapilliError(f"config: {config} is a folder, not a configuration file")
        if known is None:
            # `lapilli train curiculum` names no file; it is a command whose name is mistyped.
            meant = did_you_mean(config, [*names, *second_words("train")])
            raise LapilliError(f"config: no file {config}, and lapilli has none of that name{meant or _all(names)}")
        path = known
    return read_mapping(path)


def packaged_for(command: str) -> list[str]:
    """Names of the configurations that come with lapilli for a command, as `train_lstm`; each says it in its header."""
    words = command.replace("_", " ")
    return [file.stem for file in sorted(_packaged().glob("*.yaml")) if _command_of(file) == words]


def _command_of(file: Path) -> str:
    found = re.search(r"^#   lapilli ([a-z ]+) [a-z0-9.-]+ --run-dir", file.read_text(encoding="utf-8"), re.M)
    return "" if found is None else found[1]


def _all(names: Iterable[str]) -> str:
    return f"; it has {', '.join(names)}"


def _packaged() -> Path:
    return Path(str(files("lapilli.training"))) / "configs"
