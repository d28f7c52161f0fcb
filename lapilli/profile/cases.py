"""What a profile is of: networks, each over the input or its first steps; checked before anything runs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from lapilli.choices import names, numbers
from lapilli.netx_exports import LapilliError, Network
from lapilli.simulators.bill import CostTable, bundled_tables, load_table
from lapilli.simulators.run import check_input
from lapilli.sources.inputs import Inputs
from lapilli.sources.networks import Source


@dataclass(frozen=True)
class Case:
    """A network and how much of the input it sees.

    Arguments:
        name: of the network in tables: its file's name, or its path where names are the same.
        network: what runs.
        input_steps: steps of each sample of the input.
        n_steps: steps that are run.
        why_undecided: why no class is decided; "" where one is.
        labelled: whether the input has labels.
    """

    name: str
    network: Network
    input_steps: int
    n_steps: int
    why_undecided: str
    labelled: bool

    @property
    def why_no_accuracy(self) -> str:
        """Why no class can be compared with a label; "" where it can."""
        return self.why_undecided if self.labelled else "the input has no labels"


def find_cases(sources: Sequence[Source], file: Inputs, n_steps: int | None, time_steps: str | None) -> list[Case]:
    """All cases: each network with each number of steps, in the order given.

    Arguments:
        sources: the networks.
        file: the input.
        n_steps: steps to run; until the last input spike is answered where None.
        time_steps: numbers of steps to cut the input to, as "4,8,16"; the input as it is where None.

    Raises:
        LapilliError: for a file without samples or steps, a network given twice or that does not fit the input, or
            steps that the input does not have.
    """
    if not len(file) or not file.n_steps:
        raise LapilliError(f"{file.name} holds no {'steps' if len(file) else 'samples'}: there is nothing to count")
    cuts = _cuts(file, n_steps, time_steps)
    found = []
    for source, name in zip(sources, _names_of(sources)):
        check_input(source.network, file.shape)
        for cut in cuts:
            steps = source.steps(cut, n_steps)
            undecided = source.why_undecided(cut, steps)
            found.append(Case(name, source.network, cut, steps, undecided, file.labels is not None))
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


def _cuts(file: Inputs, n_steps: int | None, time_steps: str | None) -> list[int]:
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


def _names_of(sources: Sequence[Source]) -> list[str]:
    whole = [os.path.realpath(source.path) for source in sources]
    if twice := [source.path for source, place in zip(sources, whole) if whole.count(place) > 1]:
        raise LapilliError(f"--compare: network {twice[-1]} is given twice")
    short = [source.name for source in sources]
    return [name if short.count(name) == 1 else source.path for name, source in zip(short, sources)]
