"""Recipes of `training`, which the command line finds by name, because training needs more than the rest."""

import importlib
from collections.abc import Callable
from typing import Any

from lapilli.netx_exports import LapilliError


def find_recipe(module: str, name: str) -> Callable[..., Any]:
    """A recipe whose signature gives the options of a verb.

    Raises:
        LapilliError: where what training needs is not installed.
    """
    try:
        recipe: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        reason = f"training needs {error.name}: pip install 'lapilli[train]' on Python 3.10"
        raise LapilliError(reason) from error
    return recipe
