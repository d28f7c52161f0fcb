"""How to install what lapilli's base install lacks, in words for error messages."""

import sys

from lapilli.netx_exports.errors import LapilliError

LAVA = ("lava-nc==0.10.0", "lava-dl==0.6.0")
"""The last releases, which say that they need Python 3.10; lapilli makes them run on newer ones."""


ALONE = {"sklearn": "scikit-learn", "scipy": "scipy"}
"""Modules that some commands need without the rest of an extra, and their packages."""


def how_to_install_module(module: str | None) -> str:
    """The commands that install what training needs, or the one package of it that is missing."""
    package = ALONE.get((module or "").partition(".")[0])
    return how_to_install("train") if package is None else f"pip install {package}"


def data_sets_need(error: ModuleNotFoundError) -> LapilliError:
    """What is missing to read data sets, as an error."""
    return LapilliError(f"data sets need {error.name}: {how_to_install_module(error.name)}")


def how_to_install(extra: str) -> str:
    """The commands that install an extra of lapilli, which is on no index, so that it comes from its folder.

    Arguments:
        extra: a name in `[project.optional-dependencies]` of `pyproject.toml`.
    """
    commands = [f"pip install '.[{extra}]' in lapilli's folder"]
    if extra == "train" and sys.version_info >= (3, 11):
        commands.append(f"pip install --no-deps --ignore-requires-python {' '.join(LAVA)}")
    return " and ".join(commands)
