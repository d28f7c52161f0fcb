"""All kinds of networks that recipes train: a new one is a line here, and one in `training/exported/backends.py`."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike
from lapilli.simulators.configurations import Named, read_section
from lapilli.simulators.configurations.named import NAME
from lapilli.training.networks.config import NetworkConfig
from lapilli.training.networks.lstm.config import SpikingLstmConfig
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.network import SlayerNetwork
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.trainable import TrainableNetwork

NETWORKS: Mapping[type[Any], type[TrainableNetwork]] = {
    NetworkConfig: SlayerNetwork,
    SpikeScrConfig: SpikeScrNetwork,
    SpikingLstmConfig: SpikingLstmNetwork,
    OneStepConfig: OneStepNetwork,
}
"""By the configuration from which each is built."""

AnyNetworkConfig = NetworkConfig | SpikeScrConfig | SpikingLstmConfig | OneStepConfig

if not TYPE_CHECKING:
    AnyNetworkConfig = Annotated[AnyNetworkConfig, Named(tuple(NETWORKS))]


def build_network(
    config: AnyNetworkConfig, shape: Sequence[int], n_classes: int, n_steps: int, graded_input: bool
) -> TrainableNetwork:
    """A network with initial weights of torch's random generator.

    Arguments:
        config: what to build.
        shape: of the input.
        n_classes: output neurons.
        n_steps: of a sample.
        graded_input: whether input events carry values.

    Raises:
        LapilliError: for an input that does not fit.
    """
    sizes = {"input_shape": list(shape), "n_inputs": prod(shape), "n_classes": n_classes, "n_steps": n_steps}
    return NETWORKS[type(config)].from_facts(config, sizes | {"graded_input": int(graded_input)})


def read_network_config(content: Mapping[str, Any], where: PathLike) -> AnyNetworkConfig:
    """The section "network" of a configuration file; without a name it is a SLAYER network.

    Raises:
        FormatError: for a name that is none, a missing section, a key that is none or a value that is wrong.
    """
    section = content.get("network")
    name = section.get(NAME, NetworkConfig.name) if isinstance(section, Mapping) else NetworkConfig.name
    known: dict[Any, type[AnyNetworkConfig]] = {kind.name: kind for kind in NETWORKS}
    if name not in known:
        raise FormatError(str(where), [f"network.name: must be one of {', '.join(known)}, got {name!r}"])
    return read_section(content, "network", known[name], where)
