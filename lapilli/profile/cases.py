"""What a profile is of: networks, each over the input or its first steps; checked before anything runs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lapilli.choices import names, numbers
from lapilli.netx_exports import LapilliError, Network, load
from lapilli.simulators.bill import CostTable, bundled_tables, load_table
from lapilli.simulators.decisions.decide import why_undecided
from lapilli.simulators.events import Events
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.run import check_events


@dataclass(frozen=True)
class Case:
    """A network and how much of the input it sees.

    Arguments:
        name: of the network in tables: its file's name, or its path where names are the same.
        network: what runs.
        input_steps: steps of each sample of the input.
        n_steps: steps that are run.
        why_no_accuracy: why no class can be compared with a label; "" where it can.
    """

    name: str
    network: Network
    input_steps: int
    n_steps: int
    why_no_accuracy: str


def find_cases(paths: Sequence[str], file: EventFile, n_steps: int | None, time_steps: str | None) -> list[Case]:
    """All cases: each network with each number of steps, in the order given.

    Arguments:
        paths: of the networks.
        file: the input.
        n_steps: steps to run; the input's and the network's depth where None.
        time_steps: numbers of steps to cut the input to, as "4,8,16"; the input as it is where None.

    Raises:
        LapilliError: for a file without samples or steps, a network given twice or that does not fit the input, or
            steps that the input does not have.
    """
    if not len(file) or not file.n_steps:
        raise LapilliError(f"{file.path} holds no {'steps' if len(file) else 'samples'}: there is nothing to count")
    cuts = _cuts(file, n_steps, time_steps)
    none = np.zeros(0, np.int32)
    nothing = Events(none, none, np.zeros(1, np.int64), file.n_steps, file.shape)
    found = []
    for path, name in zip(paths, _names_of(paths)):
        network = load(path)
        check_events(network, nothing)
        for cut in cuts:
            steps = cut + network.depth if n_steps is None else n_steps
            found.append(Case(name, network, cut, steps, _why_no_accuracy(network, file, cut, steps)))
    return found


def find_tables(text: str | None) -> list[CostTable]:
    """Cost tables from names and paths separated by commas; all that come with lapilli where None.

    Raises:
        LapilliError: for an unknown or damaged table, or two of the same name.
    """
    chosen = names(unbracketed(text), "tables")
    tables = [load_table(name) for name in (bundled_tables() if chosen is None else chosen)]
    called = [table.name for table in tables]
    if twice := [name for name in called if called.count(name) > 1]:
        raise LapilliError(f"--tables: two tables are named {twice[0]!r}")
    return tables


def unbracketed(text: str | None) -> str | None:
    """`[4,8]`, as other options write lists, as `4,8`."""
    return text[1:-1] if text is not None and text.startswith("[") and text.endswith("]") else text


def _cuts(file: EventFile, n_steps: int | None, time_steps: str | None) -> list[int]:
    """Steps of input that a profile is of, for each number that was asked for."""
    if n_steps is not None and n_steps < 1:
        raise LapilliError(f"--n-steps must be at least 1, got {n_steps}")
    found = numbers(unbracketed(time_steps), "time-steps", file.n_steps + 1)
    if found is None:
        return [min(file.n_steps, n_steps or file.n_steps)]
    if n_steps is not None:
        raise LapilliError("--n-steps and --time-steps cannot be given together: a cut input runs until it is answered")
    if not found[0]:
        raise LapilliError("--time-steps: must be at least 1, got 0")
    return [int(steps) for steps in found]


def _names_of(paths: Sequence[str]) -> list[str]:
    whole = [os.path.realpath(path) for path in paths]
    if twice := [path for path, place in zip(paths, whole) if whole.count(place) > 1]:
        raise LapilliError(f"--compare: network {twice[-1]} is given twice")
    short = [os.path.basename(path) for path in paths]
    return [name if short.count(name) == 1 else path for name, path in zip(short, paths)]


def _why_no_accuracy(network: Network, file: EventFile, input_steps: int, n_steps: int) -> str:
    if file.labels is None:
        return "the input has no labels"
    return why_undecided(network, input_steps, n_steps)
