"""A spiking LSTM module as a backend of `lapilli.run`: what was trained, in the steps of what runs elsewhere."""

from itertools import count
from typing import Any

import numpy.typing as npt
import torch

from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.training.exported.partial_backend import Int32, late
from lapilli.training.networks.lstm.export import cell_name
from lapilli.training.networks.lstm.integers import MEMBRANE_BITS
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.time import slayer_input


def layer_values(module: SpikingLstmNetwork, events: Events, network: Network, n_steps: int) -> dict[str, Int32]:
    """What each copy sends, by its name, and the readout's voltages, (samples, neurons, steps of the network).

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.
        events: as many samples as are run at once.
        network: exported from it.
        n_steps: of the exported network's run.
    """
    was_training = module.training
    module.eval()
    try:
        traces, scores = module.traces(slayer_input(events, module.sizes.n_steps + 1))
    finally:
        module.train(was_training)
    phases = {layer.name: layer.clock.phase for layer in network.layers}
    found: dict[str, Int32] = {}
    for number, trace in zip(count(), traces):
        for copy in range(module.config.copies):
            name = f"{cell_name(number)}.{copy}"
            found[name] = late(_by_sample(trace.h[:, copy]), phases[name], n_steps)
    answered = scores[-1:] if module.config.read == "last" else scores
    output = network.output.name
    voltages = late(_by_sample(answered * (1 << MEMBRANE_BITS)), phases[output], n_steps)
    return found | {output: voltages}


def element_windows(module: SpikingLstmNetwork) -> dict[str, slice]:
    """By the name of a copy: the exported network's steps in which it acts on the elements of a sample."""
    phases = {layer.name: layer.clock.phase for layer in module.export().layers[:-1]}
    return {name: slice(phase, phase + module.sizes.n_steps) for name, phase in phases.items()}


def _by_sample(values: torch.Tensor) -> npt.NDArray[Any]:
    """(samples, neurons, elements) of (elements, samples, neurons)."""
    found: npt.NDArray[Any] = values.permute(1, 2, 0).numpy()
    return found
