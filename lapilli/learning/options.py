"""Options of `lapilli learn` by what they are of: the run, and the samples that are there as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapilli.netx_exports import LapilliError, Network
from lapilli.simulators.learning import LearningBackend, LearningConfig
from lapilli.simulators.learning.fresh import fresh_network, with_new_readout
from lapilli.sources.inputs import InputOptions
from lapilli.sources.networks import Source


@dataclass(frozen=True, eq=False)
class Start:
    """The network that a run starts from.

    Arguments:
        known: network of a file; None: one with random weights.
        new_readout: whether its last layer starts from nothing.
        sizes: of the hidden layers of that one, as `--new` has them.
        origin: what the report calls it.
        seed: of the random weights.
    """

    known: Network | None
    new_readout: bool
    sizes: str | None
    origin: str
    seed: int

    def network(self, shape: Sequence[int], n_classes: int) -> Network:
        """The network; its input and classes are those of the events where it knows nothing yet.

        Raises:
            LapilliError: for sizes that make no network, and as of `with_new_readout`.
        """
        if self.known is not None:
            return with_new_readout(self.known, n_classes) if self.new_readout else self.known
        return network_of_sizes(str(self.sizes), shape, n_classes, self.seed)


@dataclass(frozen=True, eq=False)
class RunOptions:
    """What a run is told wherever its samples come from.

    Arguments:
        start: the network.
        source: what that is of; None: a network with random weights.
        layers: names, or numbers, of those that learn; None: as of `lapilli.simulators.learning.learn`.
        read: files that are read, but for those to watch.
        run_dir, watch, learning, n_steps, backend, resume, time_limit_s, json: as of `lapilli learn`.
        data: what the report says of a data set, so that commands find it in the run folder; None: there is none.
    """

    start: Start
    source: Source | None
    layers: Sequence[str] | None
    read: Sequence[str | None]
    run_dir: Path
    watch: str | None
    learning: LearningConfig
    n_steps: int | None
    backend: LearningBackend
    resume: bool
    time_limit_s: float | None
    json: bool
    data: Mapping[str, Any] | None = None

    def steps(self, network: Network, event_steps: int) -> int:
        """Steps of each sample, in which the last input spikes are answered unless the user says otherwise."""
        source = Source(network, "", "") if self.source is None else self.source
        return source.steps(event_steps, self.n_steps)


@dataclass(frozen=True)
class SampleOptions:
    """Which samples of a file or a data set are learnt, and in what order; all as of `lapilli learn`."""

    inputs: InputOptions
    classes: str | None
    groups: str | None
    epochs: int | None
    shuffle: int | None


def network_of_sizes(sizes: str, shape: Sequence[int], n_classes: int, seed: int) -> Network:
    """A network that knows nothing, with hidden layers of the sizes that `--new` names.

    Raises:
        LapilliError: for what are no sizes, and as of `fresh_network`.
    """
    try:
        hidden = [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise LapilliError(f"--new: must be sizes separated by commas, got {sizes!r}") from error
    return fresh_network(shape, [] if hidden == [0] else hidden, n_classes, seed)
