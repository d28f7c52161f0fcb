"""Verbs that train, and the recipe of each: found when it is needed, because training needs more than the rest."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.installing import how_to_install


@dataclass(frozen=True)
class Recipe:
    """Where a recipe of training is.

    Arguments:
        module: that has it, and its options as the configuration `Options`.
        name: of the function that trains, `(run_dir, options, *, …)`.
    """

    module: str
    name: str

    def function(self) -> Callable[..., Any]:
        """What trains.

        Raises:
            LapilliError: where what training needs is not installed.
        """
        function: Callable[..., Any] = getattr(training_module(self.module), self.name)
        return function

    def options(self) -> type[Any]:
        """The configuration whose fields are the verb's options and the keys of its file.

        Raises:
            LapilliError: where what training needs is not installed.
        """
        options: type[Any] = training_module(self.module).Options
        return options


OPTIONS = "options"
"""Parameter of a command that takes the options of its recipe."""

SURROGATE_GRADIENT = Recipe("lapilli.training.recipes.surrogate_gradient", "train")
CURRICULUM = Recipe("lapilli.training.recipes.curriculum", "train_curriculum")
LSTM = Recipe("lapilli.training.recipes.lstm", "train_lstm")
STLLR = Recipe("lapilli.training.recipes.stllr", "train_stllr")

RECIPES = {"train": SURROGATE_GRADIENT, "train_curriculum": CURRICULUM, "train_lstm": LSTM, "train_stllr": STLLR}
"""By the name of the command."""


def training_module(module: str) -> Any:
    """A module of training.

    Raises:
        LapilliError: where what it needs is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LapilliError(f"training needs {error.name}: {how_to_install('train')}") from error
