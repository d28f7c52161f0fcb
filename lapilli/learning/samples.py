"""Samples that are there as a whole, of an event file or a data set, and the networks that meet them."""

from collections.abc import Sequence

import numpy as np

from lapilli.choices import numbers
from lapilli.commands.data import catalogue
from lapilli.netx_exports import LapilliError, Network
from lapilli.simulators import Events
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.simulators.learning.learner import checked_labels
from lapilli.simulators.run import check_events
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import PartName


def samples_of_file(path: str) -> tuple[Events, int]:
    """The samples of an event file, and how many classes there are."""
    events = Events.load(path)
    if events.labels is None:
        raise LapilliError(f"{path}: labels: missing; learning needs one for each sample")
    return events, int(events.labels.max()) + 1 if len(events) else 0


def samples_of_data(
    data: str, part: PartName, groups: str | None, framing: Framing, split: Split
) -> tuple[Events, int]:
    """The samples of a part of a data set, and how many classes there are."""
    found = catalogue().prepared(data, framing, split)
    samples = found.part(part)
    if groups is not None:
        wanted = numbers(groups, "groups", 1 << 31)
        assert wanted is not None
        samples = samples.subset(np.flatnonzero(np.isin(samples.groups, wanted)))
        if not len(samples):
            raise LapilliError(f"--groups: the {part} part of {data} has no sample of {groups}")
    return samples.events(), len(found.classes)


def network_of_sizes(sizes: str, shape: Sequence[int], n_classes: int, seed: int) -> Network:
    """A network that knows nothing, with hidden layers of the sizes that `--new` names."""
    try:
        hidden = [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise LapilliError(f"--new: must be sizes separated by commas, got {sizes!r}") from error
    return fresh_network(shape, [] if hidden == [0] else hidden, n_classes, seed)


def checked(network: Network, events: Events) -> Events:
    """The samples, which fit the network and have labels that are its classes."""
    check_events(network, events)
    checked_labels(events, network.output.size)
    return events


def watched_samples(network: Network, path: str) -> Events:
    """The samples of a file on which the network is only tested."""
    events = checked(network, Events.load(path))
    if not len(events):
        raise LapilliError(f"--watch: {path} has no samples")
    return events


def samples_of_classes(events: Events, classes: str | None) -> Events:
    """The samples of the classes that `--classes` names; all where it names none."""
    wanted = numbers(classes, "classes", 1 << 31)
    if wanted is None:
        return events
    chosen = np.flatnonzero(np.isin(events.labels, wanted))  # type: ignore[arg-type]
    if not len(chosen):
        raise LapilliError(f"--classes: no sample is of class {classes}")
    return events.select(chosen)
