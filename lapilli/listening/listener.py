"""A network that hears one utterance after the other, hop by hop."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.simulators.decisions.decide import last_step_scores, n_classes
from lapilli.simulators.stream import Simulator
from lapilli.training.data.framing import Lines
from lapilli.training.data.hearing import Ear
from lapilli.training.data.lines import n_lines

Int64 = npt.NDArray[np.int64]

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Plan:
    """What hears, and for how long.

    Arguments:
        network: with its readout.
        ear: that makes steps of sound.
        n_steps: of an utterance: a shorter one goes on in silence, of a longer one the rest is not heard.
        drain: steps that follow, without input.
        lines: inputs beside the channels.
    """

    network: Network
    ear: Ear
    n_steps: int
    drain: int
    lines: Lines = "none"


class Listener:
    """A network at an utterance; its decision is that of `lapilli simulate` on the utterance as a recording.

    Arguments:
        plan: what hears.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._stream = Simulator(plan.network)
        self._graded = plan.network.graded_input
        self.begin()

    def begin(self) -> None:
        """Forget all: a new utterance begins."""
        self._stream.reset()
        self._hearing = self.plan.ear.hearing()
        self._scores = np.zeros(n_classes(self.plan.network), np.int64)
        self._n_samples = 0

    @property
    def scores(self) -> Int64:
        """By which it is decided so far: (classes,), of the network's readout."""
        return self._scores.copy()

    @property
    def is_full(self) -> bool:
        """Whether the utterance has all of its steps, so that what comes now is not heard."""
        return self._stream.n_steps >= self.plan.n_steps

    @property
    def has_steps(self) -> bool:
        """Whether there was sound enough for a step."""
        return self._n_samples >= self.plan.ear.fewest

    def hear(self, samples: npt.NDArray[np.float64]) -> None:
        """Go on by some samples, of which full scale is 1."""
        self._n_samples += len(samples)
        self._run(self._hearing.feed(samples))

    def end(self) -> None:
        """The utterance is over: its last steps, the silent ones, and those in which the last spikes are answered.

        Raises:
            LapilliError: when it was shorter than a step needs.
        """
        if not self.is_full:
            self._run(self._hearing.end())
        while not self.is_full:
            self._step(_NONE, _NONE, n_on=min(1, n_lines(self.plan.lines)))
        for _ in range(self.plan.drain):
            self._step(_NONE, _NONE, n_on=0)

    def warm_up(self) -> None:
        """Let everything be compiled and read from disk that the first hop would wait for."""
        self.hear(np.zeros(2 * self.plan.ear.fewest))
        self._step(_NONE, _NONE, n_on=0)
        self.begin()

    def _run(self, events: npt.NDArray[np.int32]) -> None:
        for of_step in events.T[: max(0, self.plan.n_steps - self._stream.n_steps)]:
            neurons = np.flatnonzero(of_step)
            self._step(neurons, of_step[neurons], n_on=n_lines(self.plan.lines))

    def _step(self, neurons: Int64, values: npt.NDArray[np.integer[Any]], n_on: int) -> None:
        """One step with so many of the lines on, which are the last inputs."""
        if n_on:
            first = self.plan.network.n_inputs - n_lines(self.plan.lines)
            neurons = np.concatenate([neurons, first + np.arange(n_on)])
            values = np.concatenate([values, np.ones(n_on, np.int64)])
        # A network of binary input refuses values, unless all of them are 1.
        plain = not self._graded and bool(np.all(values == 1))
        self._stream.step(neurons, None if plain else values)
        self._scores += last_step_scores(self._stream)
