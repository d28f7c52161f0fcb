"""Modules as backends: each kind of network in the numbers of the network that is exported from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lapilli.simulators.plan import Backend
from lapilli.training.exported.lstm_backend import LstmBackend
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.exported.spikescr_backend import SpikeScrBackend
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.network import SlayerNetwork
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.trainable import TrainableNetwork


@dataclass(frozen=True)
class ModuleBackend:
    """How a kind of network runs as a backend.

    Arguments:
        name: of the backend.
        made: the backend of a module.
        whole: whether it has all that exported layers send, and their states, so that a proof may compare these.
    """

    name: str
    made: Callable[[Any], Backend]
    whole: bool


BACKENDS: Mapping[type[TrainableNetwork], ModuleBackend] = {
    SlayerNetwork: ModuleBackend("slayer", SlayerBackend, True),
    # What its exported layers send in front of a sample and behind it is of no consequence, and not computed.
    SpikeScrNetwork: ModuleBackend("spikescr", SpikeScrBackend, False),
    SpikingLstmNetwork: ModuleBackend("lstm", LstmBackend, False),
}


def module_backend(module: TrainableNetwork) -> Backend:
    """A module as a backend that decides as the network exported from it."""
    return BACKENDS[type(module)].made(module)


def proving_backends(module: TrainableNetwork) -> dict[str, Backend]:
    """The module as a backend of proofs, by name; nothing where it does not have all spikes and states."""
    found = BACKENDS[type(module)]
    return {found.name: found.made(module)} if found.whole else {}
