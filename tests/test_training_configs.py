"""The packaged configurations: complete, commented, and the same as the defaults of the code."""

import inspect
from dataclasses import asdict, is_dataclass
from pathlib import Path

import pytest
import yaml

import training
from training.export import network_config
from training.networks import DEFAULT_NETWORK
from training.surrogate_gradient import train

CONFIGS = sorted((Path(training.__file__).parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_option_has_a_comment(path: Path) -> None:
    for line in path.read_text().splitlines():
        if line and not line.startswith("#") and not line.endswith(":"):
            assert "  # " in line, line
            assert len(line) <= 120


def test_the_digits_are_the_defaults_of_the_recipe() -> None:
    path = Path(training.__file__).parent / "configs" / "digits.yaml"
    config = yaml.safe_load(path.read_text())
    defaults = {name: parameter.default for name, parameter in inspect.signature(train).parameters.items()}
    for name in ("run_dir", "resume", "progress"):
        del defaults[name]
    plain = {name: asdict(value) if is_dataclass(value) else value for name, value in defaults.items()}
    assert config == yaml.safe_load(yaml.safe_dump(plain))
    assert network_config(config["network"], str(path)) == DEFAULT_NETWORK
