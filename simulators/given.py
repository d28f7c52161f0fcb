"""What users pass as a network or as events: the objects, files by their paths, and dense arrays."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events, EventsError

AnyNetwork = Network | PathLike
"""A network, or the path of its file."""

AnyEvents = Events | PathLike | npt.ArrayLike
"""Events, the path of an event file, or an array (samples, *shape, steps) of whole numbers."""


def given_network(network: Any) -> Network:
    """The network.

    Raises:
        LapilliError: for anything that is none, saying what to do; when a file cannot be read.
    """
    if isinstance(network, Network):
        return network
    if isinstance(network, (str, os.PathLike)):
        # Late: h5py takes longer to import than all that runs a network.
        from lapilli.netx_exports import load

        return load(network)
    raise LapilliError(
        f"network: must be a Network or the path of its file, got {type(network).__name__}; "
        "lapilli.from_slayer makes one of a SLAYER module"
    )


def given_events(events: Any, network: Network) -> Events:
    """The events.

    Arguments:
        events: `Events`, a path, or an array; one without a first axis of samples is refused, not guessed.
        network: which they are for.

    Raises:
        EventsError: for an array that is no spikes of this network; for a file that is no event file.
        LapilliError: for anything else, saying what to do.
    """
    if isinstance(events, Events):
        return events
    if isinstance(events, (str, os.PathLike)):
        return Events.load(events)
    if not (isinstance(events, (list, tuple)) or hasattr(events, "__array__")):
        known = f"got {type(events).__name__}"
        if hasattr(events, "events"):
            known += "; its events() are Events"
        raise LapilliError(f"events: must be Events, the path of an event file, or an array, {known}")
    dense = np.asarray(events)
    if dense.ndim != len(network.input_shape) + 2:
        shape = ", ".join(map(str, network.input_shape))
        problem = f"an array must have the axes (samples, {shape}, steps), got shape {dense.shape}"
        if dense.ndim == len(network.input_shape) + 1:
            problem += "; array[None] makes it one sample"
        raise EventsError("events", [problem])
    return Events.from_dense(dense)
