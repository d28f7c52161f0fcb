"""`export_run`: the network of a finished run, rebuilt from its configuration and weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser

from lapilli.netx_exports import Network, save
from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.training.loop.run_folder import RunFolder, read_config, read_weights
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork

Section = TypeVar("Section")


def export_run(run_dir: PathLike, out: PathLike) -> Network:
    """Write the network of a run to a `.net` file.

    Arguments:
        run_dir: folder of a finished run (`lapilli.training.loop.run_folder`).
        out: the file to write.

    Returns:
        The network that was written.

    Raises:
        LapilliError: when the folder holds no finished run or `out` cannot be written.
        FormatError: when configuration and weights are damaged or do not fit each other.
        UnsupportedError: when the trained parameters have no exact integer form.
    """
    network = load_module(run_dir).export()
    save(network, out)
    return network


def load_module(run_dir: PathLike) -> SlayerNetwork:
    """The SLAYER module of a finished run, with its weights.

    Raises:
        LapilliError: when the folder holds no finished run.
        FormatError: when configuration and weights are damaged or do not fit each other.
    """
    folder = RunFolder(Path(run_dir))
    config = network_config(read_config(folder).get("network"), str(folder.config))
    weights, facts = read_weights(folder)
    try:
        module = SlayerNetwork.from_facts(config, facts)
        module.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        # torch lists missing, unexpected and ill-shaped tensors on several lines.
        problem = " ".join(str(error).split())
        raise FormatError(str(folder.weights), [f"does not fit {folder.config.name} ({problem})"]) from error
    return module.eval()


def network_config(section: Any, where: str) -> NetworkConfig:
    """The `network` section of a configuration file as a checked object.

    Arguments:
        section: what the file holds there.
        where: how an error names the file.

    Raises:
        FormatError: for a missing section, an unknown key or a value of the wrong type.
    """
    return read_section({"network": section}, "network", NetworkConfig, where)


def read_section(config: Mapping[str, Any], name: str, kind: type[Section], where: str) -> Section:
    """A section of a configuration file as a checked object.

    Arguments:
        config: what the file holds.
        name: of the section.
        kind: dataclass of the object.
        where: how an error names the file.

    Raises:
        FormatError: for a missing section, an unknown key or a value of the wrong type.
    """
    section = config.get(name)
    if not isinstance(section, Mapping):
        raise FormatError(where, [f"{name}: section missing"])
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, name)
    try:
        found: Section = getattr(parser.instantiate(parser.parse_object({name: dict(section)})), name)
    except (ArgumentError, LapilliError) as error:
        raise FormatError(where, [" ".join(str(error).split())]) from error
    return found
