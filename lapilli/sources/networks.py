"""The network argument of every command: a file, or a run folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from lapilli.netx_exports import Network, load
from lapilli.simulators.decisions.decide import why_undecided
from lapilli.simulators.decisions.of_events import with_readout
from lapilli.sources.runs import Run, find_run, is_folder


@dataclass(frozen=True, eq=False)
class Source:
    """A network, and the run that it is from.

    Arguments:
        network: to run.
        path: file that it was read from.
        name: in tables and titles: of the file, or of the run folder.
        run: None where the file is all that is known.
    """

    network: Network
    path: str
    name: str
    run: Run | None = None

    def steps(self, input_steps: int, n_steps: int | None = None) -> int:
        """Steps that a sample runs: until its last input spike is answered, or `n_steps`."""
        if n_steps is not None:
            return n_steps
        return input_steps + (self.network.depth if self.run is None else self.run.answered_after(self.network))

    def why_undecided(self, input_steps: int, n_steps: int) -> str:
        """Why no class is decided in a run of `n_steps` steps; "" where one is.

        A run with a drain of its own decides when that is over, as it did in training.
        """
        answered = min(input_steps + self.network.depth, self.steps(input_steps))
        return why_undecided(self.network, answered - self.network.depth, n_steps)


def network_file(word: str) -> str:
    """Path of a network file, in a run folder where that is what is named.

    Raises:
        LapilliError: for a folder without a network.
    """
    return str(find_run(word)[0]) if is_folder(word) else word


def find_network(word: str, readout: str | None = None) -> Source:
    """The network that a word of the command line names.

    Arguments:
        word: path of a network file or of a run folder.
        readout: how it decides, where it does not say so.

    Raises:
        LapilliError: when there is none, when it cannot be read, or for a readout that does not fit.
    """
    if not is_folder(word):
        return Source(with_readout(load(word), readout), word, os.path.basename(word))
    path, run = find_run(word)
    name = os.path.basename(os.path.realpath(word))
    return Source(with_readout(load(path), readout), str(path), name, run)


def module_folder(source: Source) -> Path | None:
    """The run folder whose module the network was exported from; None where it is not known."""
    return None if source.run is None or not source.run.folder.weights.is_file() else source.run.folder.path
