"""Modules as backends: each kind of network in the numbers of the network that is exported from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lapilli.netx_exports import Network
from lapilli.simulators import Events, Proof, prove
from lapilli.simulators.plan import Backend
from lapilli.training.exported import lstm_backend, one_step_backend, spikescr_backend
from lapilli.training.exported.module_proof import prove_steps
from lapilli.training.exported.partial_backend import LayerValues, PartialBackend
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.network import SlayerNetwork
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.trainable import TrainableNetwork


@dataclass(frozen=True)
class ModuleBackend:
    """How a kind of network runs as a backend.

    Arguments:
        name: of the backend.
        made: the backend of a module.
        windows: of a module: by the name of a layer, the steps in which it computes what the exported layer sends; None
            where it computes all steps, and all states.
    """

    name: str
    made: Callable[[Any], Backend]
    windows: Callable[[Any], Mapping[str, slice]] | None = None


def _partial(name: str, values: LayerValues, windows: Callable[[Any], Mapping[str, slice]]) -> ModuleBackend:
    return ModuleBackend(name, partial(PartialBackend, name, values), windows)


BACKENDS: Mapping[type[TrainableNetwork], ModuleBackend] = {
    SlayerNetwork: ModuleBackend("slayer", SlayerBackend),
    # What their exported layers send in front of a sample and behind it is of no consequence, and not computed.
    SpikeScrNetwork: _partial("spikescr", spikescr_backend.layer_values, spikescr_backend.sample_windows),
    SpikingLstmNetwork: _partial("lstm", lstm_backend.layer_values, lstm_backend.element_windows),
    OneStepNetwork: _partial("one_step", one_step_backend.layer_values, one_step_backend.image_windows),
}


def module_backend(module: TrainableNetwork) -> Backend:
    """A module as a backend that decides as the network exported from it."""
    return BACKENDS[type(module)].made(module)


def prove_module(module: TrainableNetwork, network: Network, events: Events, n_steps: int) -> Proof:
    """Compare a module with `fast`: all that a kind computes of what its exported network does.

    Arguments:
        module: run in evaluation mode.
        network: exported from it.
        events: input spikes; at least one sample.
        n_steps: of every run.

    Raises:
        LapilliError: as `lapilli.simulators.prove`.
    """
    kind = BACKENDS[type(module)]
    named = kind.name, kind.made(module)
    if kind.windows is None:
        return prove(network, events, {kind.name: named[1], "fast": "fast"}, n_steps=n_steps)
    return prove_steps(network, events, named, kind.windows(module), n_steps)
