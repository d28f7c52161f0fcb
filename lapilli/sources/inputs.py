"""The events of every command: an event file, a part of a data set, or the test part of the run at hand."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.installing import data_sets_need
from lapilli.output import progress_bar
from lapilli.simulators import Events
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.many import SAMPLES_AT_ONCE
from lapilli.sources.runs import Run
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.origins import check_packed
from lapilli.training.data.sets import PartName

Choice = TypeVar("Choice", Framing, Split)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples that are read some at a time.

    Arguments:
        name: what they are, for titles and errors.
        path: of the event file; None where they are of a data set.
        source: an `EventFile`, or the `Samples` of a data set.
        n_samples: that count, from the first on.
        classes: names of the classes; none where they are not known.
        step_ms: width of a step in ms; None where it is not known, or steps have no duration.
    """

    name: str
    path: str | None
    source: Any
    n_samples: int
    classes: tuple[str, ...] = ()
    step_ms: float | None = None

    def __len__(self) -> int:
        """Number of samples."""
        return self.n_samples

    @property
    def n_steps(self) -> int:
        """Steps of each sample."""
        return int(self.source.n_steps)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the neurons."""
        return tuple(self.source.shape)

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """Class of each sample; None where they are not known."""
        labels: npt.NDArray[np.int64] | None = self.source.labels
        return None if labels is None else labels[: self.n_samples]

    @property
    def class_names(self) -> dict[int, str]:
        """Names of the classes by their numbers."""
        return dict(enumerate(self.classes))

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Events of `n_samples` samples after another."""
        left = self.n_samples
        chunks = self.source.chunks(n_samples)
        while left > 0:
            chunk = next(chunks)
            yield chunk if len(chunk) <= left else chunk.select(slice(left))
            left -= len(chunk)

    def events(self) -> Events:
        """All of them.

        Raises:
            LapilliError: when they cannot be read.
        """
        if self.path is None:
            found: Events = self.source.select(slice(self.n_samples))
            return found
        return Events.load(self.path).select(slice(self.n_samples))

    def sample(self, number: int) -> Events:
        """One sample.

        Raises:
            LapilliError: when there is none of that number, or it cannot be read.
        """
        if not 0 <= number < len(self):
            raise LapilliError(f"--sample: {self.name} has {len(self)} samples, got {number}")
        if self.path is None:
            found: Events = self.source.select([number])
            return found
        # A file can only be read from its start.
        with progress_bar("reading", number) as advance:
            for first, chunk in zip(range(0, len(self), SAMPLES_AT_ONCE), self.chunks(SAMPLES_AT_ONCE)):
                if number < first + len(chunk):
                    return chunk.select([number - first])
                advance(len(chunk))
        raise AssertionError("unreachable: the sample was found to be in the file")


@dataclass(frozen=True)
class InputOptions:
    """What the command line says of events; all as of `lapilli simulate`."""

    input: str | None = None
    data: str | None = None
    part: PartName | None = None
    samples: int | None = None
    framing: Framing = Framing()
    split: Split = Split()
    lines: Lines | None = None


def find_inputs(options: InputOptions, run: Run | None, usual_part: PartName = "test") -> Inputs:
    """The events that the command line names; where it names none, those of the run.

    Arguments:
        options: of the command line.
        run: of which a data set has the framing where the command line does not say another, and whose data set it is
            where none is named; None: none.
        usual_part: of a data set, where the command line names none.

    Raises:
        LapilliError: for none, or both of an event file and a data set; when they cannot be had.
    """
    if options.samples is not None and options.samples < 1:
        raise LapilliError(f"--samples must be at least 1, got {options.samples}")
    if options.input is not None:
        _refuse_of_data(options)
        file = EventFile(options.input)
        return Inputs(options.input, options.input, file, _first(options.samples, len(file)))
    if options.data is not None:
        check_packed(options.data)
    if options.data is None and run is None:
        raise LapilliError("no events: give --input FILE.npz or --data NAME, or a run folder in place of the network")
    task = data_task(data_config(options, run))
    part = options.part or usual_part
    samples = task.part(part)
    return Inputs(
        f"{task.name}, {part}", None, samples, _first(options.samples, len(samples)), task.classes, task.step_ms
    )


def data_config(options: InputOptions, run: Run | None) -> Any:
    """The data set that the command line names, or that of the run, as `lapilli.training.data.config.DataConfig`.

    Raises:
        FormatError: when the run's configuration is damaged.
    """
    # Late, because pydantic takes a while, which event files need not wait for.
    from lapilli.training.data.config import DataConfig

    known = DataConfig() if run is None else _config_of(run, DataConfig)
    if options.data not in (None, known.name):
        # Another data set has groups and parts of its own, but reaches the network in the same form.
        known = DataConfig(name=options.data, framing=known.framing, lines=known.lines)
    changes = {"framing": _over(known.framing, options.framing), "split": _over(known.split, options.split)}
    return replace(known, **changes, lines=known.lines if options.lines is None else options.lines)


def data_task(config: Any) -> Any:
    """The data set of `data_config`, as `lapilli.training.data.tasks.Task`.

    Raises:
        LapilliError: when it cannot be had.
    """
    return _tasks().find_task(config, progress=True)


def _tasks() -> ModuleType:
    try:
        from lapilli.training.data import tasks
    except ModuleNotFoundError as error:
        raise data_sets_need(error) from error
    return tasks


def _config_of(run: Run, kind: type[Any]) -> Any:
    from lapilli.simulators.configurations import read_section

    return read_section(run.config, "data", kind, run.folder.config)


def _over(known: Choice, chosen: Choice) -> Choice:
    """What is known, with what was chosen otherwise than by default."""
    given = {f.name: getattr(chosen, f.name) for f in fields(chosen) if getattr(chosen, f.name) != f.default}
    return replace(known, **given)


def _first(samples: int | None, there: int) -> int:
    return there if samples is None else min(samples, there)


def _refuse_of_data(options: InputOptions) -> None:
    """Options that an event file has no use for."""
    given = {
        "data": options.data is not None,
        "part": options.part is not None,
        "framing": options.framing != Framing(),
        "split": options.split != Split(),
        "lines": options.lines is not None,
    }
    if wrong := [f"--{name}" for name, is_given in given.items() if is_given]:
        raise LapilliError(f"{' and '.join(wrong)}: of data sets; --input is an event file, which is as it is")
