"""The packaged configurations: complete, commented, and the same as the defaults of the code."""

from pathlib import Path

import pytest
import yaml

import lapilli.training
from lapilli.simulators.configurations import as_plain, read_options
from lapilli.training.recipes import curriculum, lstm, stllr, surrogate_gradient
from lapilli.training.studies.collect import SET_BY_STUDIES

CONFIGS = sorted((Path(lapilli.training.__file__).parent / "configs").glob("*.yaml"))
DIGITS = Path(lapilli.training.__file__).parent / "configs" / "digits.yaml"


def test_every_option_of_the_digits_has_a_comment() -> None:
    for line in DIGITS.read_text().splitlines():
        if line and not line.startswith("#") and not line.endswith(":"):
            assert "  # " in line, line
            assert len(line) <= 120


def test_the_digits_are_the_defaults_of_the_recipe() -> None:
    config = yaml.safe_load(DIGITS.read_text())
    assert config == yaml.safe_load(yaml.safe_dump(as_plain(surrogate_gradient.Options())))
    assert read_options(DIGITS, surrogate_gradient.Options) == surrogate_gradient.Options()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_is_one_of_a_recipe_and_says_how_it_is_run(path: Path) -> None:
    text = path.read_text()
    if path.stem.startswith("stllr"):
        kind: type[object] = stllr.Options
    elif path.stem.startswith("lstm"):
        kind = lstm.Options
    else:
        kind = curriculum.Options if "chain" in yaml.safe_load(text) else surrogate_gradient.Options
    assert read_options(path, kind, SET_BY_STUDIES)
    assert text.startswith("#")
    assert path.stem in text
