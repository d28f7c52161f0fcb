"""Modules as backends: each kind of network in the numbers of the network that is exported from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lapilli.netx_exports import Network
from lapilli.simulators import Events, Proof, prove
from lapilli.simulators.plan import Backend, _ignore
from lapilli.training.exported import lstm_backend, one_step_backend, spikescr_backend
from lapilli.training.exported.module_proof import prove_steps
from lapilli.training.exported.partial_backend import LayerValues, PartialBackend
from lapilli.training.exported.slayer_backend import SlayerBackend, as_module
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


def prove_module(
    module: Any,
    network: Network,
    events: Events,
    n_steps: int | None = None,
    backends: Sequence[str] = ("reference", "fast", "lava"),
    *,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Proof:
    """Prove that a module is the network exported from it: every spike, state and count, on these events.

    Arguments:
        module: SLAYER's blocks in order, or a module that has them as `blocks`: what `lapilli.from_slayer` takes; or a
            network that a recipe trained. It is run in evaluation mode and left in the mode in which it was.
        network: exported from it.
        events: input spikes; at least one sample.
        n_steps: of every run; the events' own number plus the network's depth where None.
        backends: what the module is compared with. A network of lapilli that computes only the steps that matter
            (SpikeSCR, spiking LSTMs, networks of one step) is compared with `fast` alone: the spikes of these steps,
            and all that decides the class.
        time_limit_s, progress: as of `lapilli.prove`.

    Returns:
        The proof; the module stands in it as "slayer", or by the name of its kind.

    Raises:
        LapilliError: as `lapilli.prove`, or when the blocks do not match the network's layers.
    """
    steps = events.n_steps + network.depth if n_steps is None else n_steps
    kind = BACKENDS[type(module)] if isinstance(module, TrainableNetwork) else BACKENDS[SlayerNetwork]
    if kind.windows is not None:
        return prove_steps(network, events, (kind.name, kind.made(module)), kind.windows(module), steps)
    own = kind.made(module if isinstance(module, TrainableNetwork) else as_module(module))
    others = {name: name for name in backends}
    return prove(
        network, events, {kind.name: own, **others}, n_steps=steps, time_limit_s=time_limit_s, progress=progress
    )
