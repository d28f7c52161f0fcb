"""A SpikeSCR module as a backend of `lapilli.run`: what was trained, in the steps of what runs elsewhere."""

import torch

from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.training.exported.partial_backend import Int32, late
from lapilli.training.networks.spikescr.layers import HEAD_UNIT
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.time import slayer_input

_VOLTAGE_UNIT = 64 * HEAD_UNIT


def layer_values(module: SpikeScrNetwork, events: Events, network: Network, n_steps: int) -> dict[str, Int32]:
    """What each layer sends, by its name, and the readout's voltages, (samples, neurons, steps of the network).

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.
        events: samples of as many steps as the module's; as many as are run at once.
        network: exported from it; its lines and relays are not computed.
        n_steps: of the exported network's run.
    """
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            *sent, scores = module.answers(slayer_input(events, module.n_steps + 1))
    finally:
        module.train(was_training)
    found = [values.transpose(1, 2).numpy() for values in sent] + [_VOLTAGE_UNIT * scores.numpy()]
    lags = module.lags
    return {node.name: late(values, lags[node.name], n_steps) for node, values in zip(module.nodes, found)}


def sample_windows(module: SpikeScrNetwork) -> dict[str, slice]:
    """By the name of a layer, the readout not among them: the exported network's steps that belong to the sample."""
    lags = module.lags
    return {node.name: slice(lags[node.name], lags[node.name] + module.n_steps) for node in module.nodes[:-1]}
