"""How long hops took, and whether they kept up with the sound."""

from collections import deque
from typing import Any

import numpy as np

_KEPT = 1 << 18
"""Hops whose times are kept: 44 minutes at 10 ms."""


class Latency:
    """Times of hops, from the moment that a hop is there to the moment that it is in the decision.

    Arguments:
        hop_ms: length of a hop.
    """

    def __init__(self, hop_ms: float) -> None:
        self.hop_ms = hop_ms
        self.hops = 0
        self.late = 0
        """Hops that were not answered before the next one would have come."""
        self.largest_ms = 0.0
        self.end_ms = 0.0
        """The longest time from the end of an utterance to its decision."""
        self._kept: deque[float] = deque(maxlen=_KEPT)
        self._behind_ms = 0.0

    def add(self, ms: float) -> None:
        """A hop took so long."""
        self.hops += 1
        self.largest_ms = max(self.largest_ms, ms)
        self._kept.append(ms)
        # A hop waits for those before it.
        answered_ms = self._behind_ms + ms
        self.late += answered_ms > self.hop_ms
        self._behind_ms = max(0.0, answered_ms - self.hop_ms)

    def add_end(self, ms: float) -> None:
        """The end of an utterance took so long."""
        self.end_ms = max(self.end_ms, ms)

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        median, p99 = np.percentile(self._kept, [50, 99]).tolist() if self._kept else (0.0, 0.0)
        times = {"median": median, "p99": p99, "max": self.largest_ms, "end": self.end_ms}
        return {
            "hops": self.hops,
            "hop_ms": self.hop_ms,
            "latency_ms": {name: round(ms, 4) for name, ms in times.items()},
            "late_hops": self.late,
            "kept_up": self.late == 0,
        }

    def sentence(self) -> str:
        """For people."""
        facts = self.facts()
        times = facts["latency_ms"]
        kept = "it kept up" if not self.late else f"{self.late:,} of {self.hops:,} hops were late"
        return (
            f"latency of a hop of {self.hop_ms:g} ms: median {times['median']:.2f} ms, 99 % within {times['p99']:.2f} "
            f"ms, at most {times['max']:.2f} ms; {kept}"
        )
