"""The YAML file that a study of the rule starts from."""

from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.recipes.stllr import DEFAULT_RULE, train_stllr
from lapilli.training.stllr.config import RuleConfig
from lapilli.training.studies.__main__ import read_options


def read_rule(file: str) -> tuple[dict[str, Any], RuleConfig]:
    """Options of `train_stllr` in a file, and its rule, from which other methods take Ψ and window.

    Raises:
        LapilliError: when the file cannot be read, is damaged, or its method is not the rule.
    """
    options = read_options(file, train_stllr)
    rule = options.get("method") or DEFAULT_RULE
    if not isinstance(rule, RuleConfig):
        raise LapilliError(f"{file}: method.name must be s-tllr, from which the others take Ψ and window")
    return options, rule
