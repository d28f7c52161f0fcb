"""The YAML file that a study of the rule starts from."""

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import read_options
from lapilli.training.recipes.stllr import Options
from lapilli.training.stllr.config import RuleConfig
from lapilli.training.studies.collect import SET_BY_STUDIES


def read_rule(file: str) -> tuple[Options, RuleConfig]:
    """Options of `train_stllr` in a file, and its rule, from which other methods take Ψ and window.

    Raises:
        LapilliError: when the file cannot be read, is damaged, or its method is not the rule.
    """
    options = read_options(file, Options, SET_BY_STUDIES)
    rule = options.chosen_method
    if not isinstance(rule, RuleConfig):
        raise LapilliError(f"{file}: method.name must be s-tllr, from which the others take Ψ and window")
    return options, rule
