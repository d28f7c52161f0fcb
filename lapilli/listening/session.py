"""Hops in, decisions out: as they form, and when an utterance is over."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from lapilli.listening.hops import Hop
from lapilli.listening.latency import Latency
from lapilli.listening.listener import Int64, Listener


@dataclass(frozen=True, eq=False)
class Moment:
    """What is decided so far.

    Arguments:
        utterance: its number.
        ms: of the sound that was heard.
        scores: by which it is decided, (classes,).
    """

    utterance: int
    ms: float
    scores: Int64


@dataclass(frozen=True, eq=False)
class Utterance:
    """What was decided.

    Arguments:
        number: of the utterance.
        begin_ms, end_ms: its place in the sound.
        scores: by which it was decided, (classes,).
        whole: whether it was heard to its end; otherwise Ctrl-C came.
    """

    number: int
    begin_ms: float
    end_ms: float
    scores: Int64
    whole: bool


class Teller(Protocol):
    """Says what is decided."""

    def moment(self, moment: Moment) -> None:
        """A hop was heard."""
        ...

    def utterance(self, utterance: Utterance) -> None:
        """An utterance is over."""
        ...


class Session:
    """A listener at a sound.

    Arguments:
        listener: that hears it.
        tell: what is told of it.
        clock: seconds.
    """

    def __init__(self, listener: Listener, tell: Teller, clock: Callable[[], float] = time.perf_counter) -> None:
        self.latency = Latency(listener.plan.ear.step_ms)
        self.n_utterances = 0
        self._listener, self._tell, self._clock = listener, tell, clock
        self._hop_ms = listener.plan.ear.step_ms
        self._begin_ms: float | None = None
        """Of the utterance that is being heard; None between utterances."""
        self._end_ms = 0.0

    def hear(self, hops: Iterable[Hop]) -> None:
        """Hear all of a sound; an utterance that is too short for a step is none.

        Raises:
            LapilliError: when sound cannot be read, or does not fit the network.
        """
        for hop in hops:
            if hop.begins:
                self._listener.begin()
                self._begin_ms = hop.number * self._hop_ms
            begin = self._clock()
            self._listener.hear(hop.samples)
            self.latency.add(1000 * (self._clock() - begin))
            self._end_ms = hop.number * self._hop_ms + 1000 * len(hop.samples) / self._listener.plan.ear.rate
            self._tell.moment(Moment(self.n_utterances, self._end_ms, self._listener.scores))
            if hop.ends:
                self._end()
        self._end()

    def interrupted(self) -> None:
        """Ctrl-C came: what was decided until then."""
        if self._begin_ms is not None and self._listener.has_steps:
            self._finish(whole=False)

    def _end(self) -> None:
        if self._begin_ms is None or not self._listener.has_steps:
            self._begin_ms = None
            return
        begin = self._clock()
        self._listener.end()
        self.latency.add_end(1000 * (self._clock() - begin))
        self._finish(whole=True)

    def _finish(self, whole: bool) -> None:
        assert self._begin_ms is not None
        found = Utterance(self.n_utterances, self._begin_ms, self._end_ms, self._listener.scores, whole)
        self._begin_ms = None
        self.n_utterances += 1
        self._tell.utterance(found)
