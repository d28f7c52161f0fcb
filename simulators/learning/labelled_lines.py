"""Labelled samples as text, one JSON object on a line, read as they come: whole numbers only, every line bounded.

The first line says what all samples are, each further line is one of them:

    {"shape": [64], "n_steps": 20, "classes": 10}
    {"label": 3, "events": [[0, 17], [0, 21], [4, 2]]}

An event is [step, neuron]; the neuron is the flat index into `shape`. Lines of blanks are passed over.
"""

import json
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import IO, Any, NoReturn

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.simulators.events import Events

MAX_LINE = 1 << 23
"""Bytes of a line."""

MAX_STEPS = 1 << 20
"""Steps of a sample: for each one, random numbers are in memory."""


class StreamError(FormatError):
    """A line that is no labelled sample, or a first line that does not say what the samples are."""


@dataclass(frozen=True)
class StreamHeader:
    """What every sample of a stream is.

    Arguments:
        shape: of the neurons, (N,) or (C, H, W).
        n_steps: length in steps.
        n_classes: labels are below it.

    Raises:
        StreamError: with every problem found.
    """

    shape: tuple[int, ...]
    n_steps: int
    n_classes: int

    def __post_init__(self) -> None:
        if problems := _header_problems(
            {"shape": list(self.shape), "n_steps": self.n_steps, "classes": self.n_classes}
        ):
            raise StreamError("header", problems)

    def sample(self, label: int, step: npt.NDArray[np.int64], neuron: npt.NDArray[np.int64]) -> Events:
        """One sample of events sorted by step and neuron, none twice."""
        offsets = np.array([0, len(step)], np.int64)
        label_of = np.array([label], np.int64)
        return Events(step.astype(np.int32), neuron.astype(np.int32), offsets, self.n_steps, self.shape, None, label_of)


def read_lines(file: IO[bytes], name: str) -> tuple[StreamHeader, Iterator[Events]]:
    """Read the first line of a stream, and each further one when the next sample is asked for.

    Arguments:
        file: of bytes in UTF-8; a line is taken as soon as its end has come.
        name: of the stream, for errors.

    Returns:
        The header, and the samples, one at a time, with labels.

    Raises:
        StreamError: naming the line, when it is wrong; from the samples too.
        LapilliError: when the file cannot be read.
    """
    lines = _objects(file, name)
    place, first = next(lines, (f"{name}, line 1", None))
    if first is None:
        raise StreamError(place, ["missing; the first line must say shape, n_steps and classes"])
    if problems := _header_problems(first):
        raise StreamError(place, problems)
    header = StreamHeader(tuple(first["shape"]), first["n_steps"], first["classes"])
    return header, (_sample(place, entry, header) for place, entry in lines)


def written_lines(events: Events, n_classes: int) -> Iterator[str]:
    """Samples as the lines of a stream, without the ends of lines.

    Arguments:
        events: binary spikes with labels.
        n_classes: labels are below it.

    Raises:
        LapilliError: for samples without labels, or with values.
    """
    if events.labels is None or events.value is not None:
        raise LapilliError("events: a stream has samples with labels, and spikes without values")
    header = StreamHeader(events.shape, events.n_steps, n_classes)
    yield json.dumps({"shape": header.shape, "n_steps": header.n_steps, "classes": header.n_classes})
    for label, first, last in zip(events.labels.tolist(), events.offsets[:-1], events.offsets[1:]):
        pairs = np.stack([events.step[first:last], events.neuron[first:last]], axis=1).tolist()
        yield json.dumps({"label": label, "events": pairs})


def _objects(file: IO[bytes], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and content of each line that is not blank."""
    number = 0
    while line := _line(file, name):
        number += 1
        place = f"{name}, line {number}"
        if len(line) > MAX_LINE:
            raise StreamError(place, [f"must be at most {MAX_LINE:,} bytes long"])
        if line.strip():
            yield place, _object(place, line)


def _line(file: IO[bytes], name: str) -> bytes:
    try:
        return file.readline(MAX_LINE + 1)
    except OSError as error:
        raise LapilliError(f"cannot read {name}: {error.strerror or error}") from error


def _object(place: str, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            line.decode().rstrip(), parse_float=_refused, parse_constant=_refused, object_pairs_hook=_without_repetition
        )
    except json.JSONDecodeError as error:
        raise StreamError(place, [f"no JSON: {error.msg} at column {error.colno}"]) from None
    except UnicodeDecodeError:
        raise StreamError(place, ["no text in UTF-8"]) from None
    except RecursionError:
        raise StreamError(place, ["lists within lists within lists"]) from None
    except _LineError as error:
        raise StreamError(place, [str(error)]) from None
    except ValueError:
        raise StreamError(place, ["holds a number of thousands of digits"]) from None
    if not isinstance(found, dict):
        raise StreamError(place, [f"must be an object as {{...}}, got {_shown(found)}"])
    return found


class _LineError(ValueError):
    """What we refuse while JSON is read."""


def _refused(text: str) -> NoReturn:
    raise _LineError(f"must hold whole numbers only, got {text[:40]}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _LineError("a name is there twice")
    return found


def _header_problems(entry: dict[str, Any]) -> list[str]:
    problems = _name_problems(entry, ("shape", "n_steps", "classes"))
    shape = entry.get("shape", [1])
    whole = isinstance(shape, list) and len(shape) in (1, 3) and all(_whole(side, 1, MAX_NEURONS) for side in shape)
    if not whole or prod(shape) > MAX_NEURONS:
        found = _shown(shape)
        problems.append(f"shape: must be [N] or [C, H, W], at most {MAX_NEURONS} neurons, got {found}")
    for name, limit in (("n_steps", MAX_STEPS), ("classes", MAX_NEURONS)):
        if not _whole(entry.get(name, 1), 1, limit):
            problems.append(f"{name}: must be a whole number in 1…{limit}, got {_shown(entry[name])}")
    return problems


def _sample(place: str, entry: dict[str, Any], header: StreamHeader) -> Events:
    problems = _name_problems(entry, ("label", "events"))
    label, events = entry.get("label", 0), entry.get("events", [])
    if not _whole(label, 0, header.n_classes - 1):
        problems.append(f"label: must be a whole number in 0…{header.n_classes - 1}, got {_shown(label)}")
    problems += _event_problems(events, header)
    if problems:
        raise StreamError(place, problems)
    step, neuron = np.array(events, np.int64).reshape(-1, 2).T
    place_of = step * prod(header.shape) + neuron
    order = np.argsort(place_of)
    if len(twice := np.flatnonzero(np.diff(place_of[order]) == 0)):
        repeated = order[twice[0]]
        raise StreamError(place, [f"events: {[int(step[repeated]), int(neuron[repeated])]} is there twice"])
    return header.sample(label, step[order], neuron[order])


def _event_problems(events: Any, header: StreamHeader) -> list[str]:
    if not isinstance(events, list):
        return [f"events: must be a list of [step, neuron], got {_shown(events)}"]
    last_step, last_neuron = header.n_steps - 1, prod(header.shape) - 1
    for number, event in enumerate(events):
        if not isinstance(event, list) or len(event) != 2:
            return [f"events: event {number} must be [step, neuron], got {_shown(event)}"]
        if not _whole(event[0], 0, last_step):
            return [f"events: step of event {number} must be a whole number in 0…{last_step}, got {_shown(event[0])}"]
        if not _whole(event[1], 0, last_neuron):
            found = _shown(event[1])
            return [f"events: neuron of event {number} must be a whole number in 0…{last_neuron}, got {found}"]
    return []


def _name_problems(entry: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    missing = [f"{name}: missing" for name in names if name not in entry]
    return missing + [f"{_shown(name)}: unknown" for name in entry if name not in names][:3]


def _whole(value: Any, low: int, high: int) -> bool:
    # True is an int to Python, and no number to JSON.
    return type(value) is int and low <= value <= high


def _shown(value: Any) -> str:
    """A stranger's value, short."""
    return reprlib.repr(value)
