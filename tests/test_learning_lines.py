"""`lapilli.simulators.learning.labelled_lines`: samples as lines of JSON; others are refused by line."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.simulators.events import events_equal
from lapilli.simulators.learning.labelled_lines import (
    MAX_LINE,
    MAX_STEPS,
    StreamError,
    StreamHeader,
    read_lines,
    written_lines,
)

HEADER = b'{"shape": [4], "n_steps": 3, "classes": 2}\n'


def read(text: bytes) -> list[Events]:
    return list(read_lines(io.BytesIO(text), "here")[1])


@given(st.integers(0, 2**32 - 1), st.sampled_from([(5,), (2, 3, 4), (1, 1, 1)]), st.integers(0, 4))
def test_what_is_written_comes_back(seed: int, shape: tuple[int, ...], n_samples: int) -> None:
    generator = np.random.default_rng(seed)
    dense = generator.random((n_samples, *shape, 6)) < generator.choice([0, 0.2, 1])
    events = Events.from_dense(dense.astype(int), generator.integers(0, 3, n_samples))
    text = "\n".join(written_lines(events, 3)).encode()
    header, samples = read_lines(io.BytesIO(text), "here")
    assert header == StreamHeader(shape, 6, 3)
    found = list(samples)
    assert len(found) == n_samples
    for number, sample in enumerate(found):
        expected = events.select([number])
        assert events_equal(sample, expected)
        assert sample.shape == shape
        assert sample.labels.tolist() == expected.labels.tolist()


def test_events_may_come_in_any_order_and_blank_lines_are_passed_over() -> None:
    (sample,) = read(HEADER + b'\n  \r\n{"events": [[2, 1], [0, 3], [2, 0]], "label": 1}')
    assert (sample.step.tolist(), sample.neuron.tolist()) == ([0, 2, 2], [3, 0, 1])


def test_a_sample_is_read_when_it_is_asked_for_and_not_before() -> None:
    class Lines(io.BytesIO):
        asked = 0

        def readline(self, *limit: int) -> bytes:
            self.asked += 1
            return super().readline(*limit)

    file = Lines(HEADER + b'{"label": 1, "events": []}\n' * 3)
    _, samples = read_lines(file, "here")
    assert file.asked == 1
    next(samples)
    assert file.asked == 2


def sample(**changes: object) -> bytes:
    return json.dumps({"label": 1, "events": [[0, 3], [2, 1]], **changes}).encode()


def _wrong_samples() -> Iterator[tuple[bytes, str]]:
    yield b"{", "no JSON: Expecting property name enclosed in double quotes at column 2"
    yield b'{"label": 1, "events": [[0, 3]', "no JSON: "
    yield b"\xff", "no text in UTF-8"
    yield b"[1, 2]", r"must be an object as \{...\}, got \[1, 2\]"
    yield b"3", "must be an object"
    yield b"[" * 100_000, "lists within lists within lists"
    yield b'{"label": 1, "label": 1, "events": []}', "a name is there twice"
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1.0", b"1e0", b"0.5"):
        yield b'{"label": ' + number + b', "events": []}', f"must hold whole numbers only, got {number.decode()}"
        yield b'{"label": 1, "events": [[0, ' + number + b"]]}", "must hold whole numbers only, got"
    yield b'{"label": ' + b"9" * 5000 + b', "events": []}', "holds a number of thousands of digits"
    for label in (2, -1, True, "1", None, [1], {"a": 1}, 10**30):
        yield sample(label=label), "label: must be a whole number in 0…1, got "
    wrong: list[Any] = [{}, "[[0, 1]]", None, 1]
    for events in wrong:
        yield sample(events=events), "events: must be a list of"
    wrong = [[0], [0, 1, 2], 3, {}, "ab", None]
    for event in wrong:
        yield sample(events=[[0, 0], event]), r"events: event 1 must be \[step, neuron\], got "
    for step in (3, -1, True, "0", None, [0]):
        yield sample(events=[[step, 0]]), "events: step of event 0 must be a whole number in 0…2, got "
    wrong = [4, -1, False, "0", None, {}, 10**30]
    for neuron in wrong:
        yield sample(events=[[0, 0], [1, neuron]]), "events: neuron of event 1 must be a whole number in 0…3, got "
    yield sample(events=[[2, 1], [0, 0], [2, 1]]), r"events: \[2, 1\] is there twice"
    yield b"{}", "label: missing; events: missing"
    yield sample(weight=1), "'weight': unknown"
    yield b'{"label": 7, "events": [[0, 9]]}', "label: must be .* got 7; events: neuron of event 0 must be .* got 9"


@pytest.mark.parametrize(("line", "phrase"), _wrong_samples())
def test_wrong_samples_are_named_by_their_line(line: bytes, phrase: str) -> None:
    _, samples = read_lines(io.BytesIO(HEADER + b"\n" + sample() + b"\n" + line + b"\n"), "here")
    next(samples)
    with pytest.raises(StreamError, match="^here, line 4: " + phrase) as caught:
        next(samples)
    assert len(str(caught.value)) < 300


def header(**changes: object) -> bytes:
    return json.dumps({"shape": [4], "n_steps": 3, "classes": 2, **changes}).encode()


def _wrong_headers() -> Iterator[tuple[bytes, str]]:
    yield b"", "missing; the first line must say shape, n_steps and classes"
    yield sample(), "shape: missing; n_steps: missing; classes: missing; 'label': unknown; 'events': unknown"
    for shape in ([], [0], [2, 2], [1, 2, 3, 4], [-1], 4, "4", [True], [1 << 25], [4096, 4096, 2], [1 << 24] * 3):
        yield header(shape=shape), "shape: must be "
    for steps in (0, MAX_STEPS + 1, True, "3", None):
        yield header(n_steps=steps), "n_steps: must be a whole number in 1…1048576, got "
    for classes in (0, -3, (1 << 24) + 1, True, None):
        yield header(classes=classes), "classes: must be a whole number in 1…16777216, got "
    yield b'{"shape": [4.0], "n_steps": 3, "classes": 2}', "must hold whole numbers only, got 4.0"


@pytest.mark.parametrize(("line", "phrase"), _wrong_headers())
def test_wrong_headers_are_refused(line: bytes, phrase: str) -> None:
    with pytest.raises(StreamError, match="^here, line 1: " + phrase):
        read(line)


def test_a_line_without_an_end_is_not_kept() -> None:
    class Endless(io.RawIOBase):
        """A header and then zeros for ever."""

        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            block = HEADER if not self.given else b"0" * len(buffer)
            buffer[: len(block)] = block
            self.given += len(block)
            return len(block)

    endless = Endless()
    _, samples = read_lines(io.BufferedReader(endless, 1 << 16), "here")
    with pytest.raises(StreamError, match="here, line 2: must be at most 8,388,608 bytes long"):
        next(samples)
    assert endless.given < MAX_LINE + (1 << 18)


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = sample()
    (found,) = read(HEADER + line + b" " * (MAX_LINE - len(line) - 1) + b"\n")
    assert found.n_events == 2
    with pytest.raises(StreamError, match="must be at most"):
        read(HEADER + line + b" " * (MAX_LINE - len(line)) + b"\n")


def test_what_cannot_be_said_in_lines_is_refused() -> None:
    events = Events.from_dense(np.full((1, 2, 3), 2), [0])
    with pytest.raises(LapilliError, match="spikes without values"):
        list(written_lines(events, 1))
    with pytest.raises(LapilliError, match="samples with labels"):
        list(written_lines(Events.from_dense(np.ones((1, 2, 3), int)), 1))
    with pytest.raises(StreamError, match="header: classes: must be a whole number in"):
        StreamHeader((4,), 3, 0)
