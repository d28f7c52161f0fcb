"""Configurations: frozen dataclasses whose values pydantic checks, made by code, from YAML, or from a command line."""

from lapilli.simulators.configurations.configuration import (
    ConfigurationError,
    as_plain,
    configuration,
    refuse,
    with_changes,
)
from lapilli.simulators.configurations.named import Named, one_of
from lapilli.simulators.configurations.reading import configured, read_mapping, read_options, read_section

__all__ = [
    "ConfigurationError",
    "Named",
    "as_plain",
    "configuration",
    "configured",
    "one_of",
    "read_mapping",
    "read_options",
    "read_section",
    "refuse",
    "with_changes",
]


def __dir__() -> list[str]:
    return sorted(__all__)
