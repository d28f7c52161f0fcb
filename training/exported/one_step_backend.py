"""A module of one time step as a backend of `lapilli.run`: what was trained, in the steps of what runs elsewhere."""

import numpy as np
import torch

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.training.exported.partial_backend import Int32, Placed
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.one_step.nodes.head import HEAD, Head
from lapilli.training.networks.one_step.nodes.node import Map
from lapilli.training.networks.time import slayer_input


def layer_values(module: OneStepNetwork, events: Events, network: Network, n_steps: int) -> dict[str, Placed]:
    """What each layer sends in the steps of an image, by its name, and the readout's voltages.

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.
        events: images, all in step 0; as many as are run at once.
        network: exported from it.
        n_steps: of the exported network's run: at most until the next image could be answered.

    Raises:
        UnsupportedError: for more steps.
    """
    if n_steps > module.depth + module.groups:
        at_most = module.depth + module.groups
        raise UnsupportedError("one_step backend", [f"n_steps: must be at most {at_most}, one image, got {n_steps}"])
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            sent = module.sent(slayer_input(events, 2))
    finally:
        module.train(was_training)
    phases = module.phases
    found = {node.name: Placed(_integers(sent[node.name]), phases[node.name]) for node in module.nodes[:-1]}
    return found | {HEAD: Placed(_voltages(module, sent[HEAD]), module.depth)}


def image_windows(module: OneStepNetwork) -> dict[str, slice]:
    """By the name of a layer, the readout not among them: the exported network's steps that belong to an image."""
    phases = module.phases
    return {
        node.name: slice(phases[node.name], phases[node.name] + (1 if node.windows is None else module.groups))
        for node in module.nodes[:-1]
    }


def _integers(sent: Map) -> Int32:
    """(samples, neurons, steps): one step of a whole map, one for each window."""
    values = sent.values if sent.values.dim() == 5 else sent.values[None]
    whole = (values * 2.0**sent.unit).round().to(torch.int32)
    # (windows, samples, rows, columns, channels) to (samples, channels, rows, columns, windows).
    by_step = whole.permute(1, 4, 2, 3, 0).flatten(1, 3)
    return np.ascontiguousarray(by_step.numpy())


def _voltages(module: OneStepNetwork, scores: Map) -> Int32:
    """The readout's, in the step in which it answers and until it acts again."""
    head = module.nodes[-1]
    assert isinstance(head, Head)
    sums = (scores.values.double() * 2.0**scores.unit * head.positions).round().to(torch.int32) << 6
    return np.repeat(sums.numpy()[:, :, None], module.groups, axis=2)
