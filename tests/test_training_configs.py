"""The packaged configurations: complete, commented, and the same as the defaults of the code."""

import inspect
from dataclasses import asdict, is_dataclass
from pathlib import Path

import pytest
import yaml

import lapilli.training
from lapilli.cli import command_parser, find_command
from lapilli.training.exported.export import network_config
from lapilli.training.networks.network import DEFAULT_NETWORK
from lapilli.training.recipes.curriculum import train_curriculum
from lapilli.training.recipes.stllr import train_stllr
from lapilli.training.recipes.surrogate_gradient import train
from lapilli.training.studies.__main__ import read_options

CONFIGS = sorted((Path(lapilli.training.__file__).parent / "configs").glob("*.yaml"))
DIGITS = Path(lapilli.training.__file__).parent / "configs" / "digits.yaml"


def test_every_option_of_the_digits_has_a_comment() -> None:
    for line in DIGITS.read_text().splitlines():
        if line and not line.startswith("#") and not line.endswith(":"):
            assert "  # " in line, line
            assert len(line) <= 120


def test_the_digits_are_the_defaults_of_the_recipe() -> None:
    config = yaml.safe_load(DIGITS.read_text())
    defaults = {name: parameter.default for name, parameter in inspect.signature(train).parameters.items()}
    for name in ("run_dir", "resume", "progress"):
        del defaults[name]
    plain = {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in defaults.items()
    }
    assert config == yaml.safe_load(yaml.safe_dump(plain))
    assert network_config(config["network"], str(DIGITS)) == DEFAULT_NETWORK


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_is_one_of_a_recipe_and_says_how_it_is_run(path: Path) -> None:
    text = path.read_text()
    if "chain" in yaml.safe_load(text):
        assert read_options(str(path), train_curriculum)
    elif path.stem.startswith("stllr"):
        assert read_options(str(path), train_stllr)
    else:
        parser = command_parser("train", find_command("train"))
        parser.instantiate(parser.parse_args(["--config", str(path)]))
    assert text.startswith("#")
    assert path.stem in text
