"""How IF and LIF neurons follow a clipped ramp, and the thresholds and shifts with which they do it best.

A neuron reads z + shift in each of T SNN steps, z in 0…1, has a threshold V, keeps a share of its membrane from step to
step, and loses V with a spike. Its answer is the share of steps in which it spikes; it should be z.

Closed forms: IF neurons (kept 1) follow best with V = 1 and a shift of 1 / 2T, for any T. With T = 2 there is one spike
where z + shift >= V / (1 + kept), two where z + shift >= V; these lie at 1/4 and 3/4 for V = (1 + kept) / 2 kept and a
shift of V - 3/4. For other T a search over both numbers takes their place.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_RAMP = (np.arange(400) + 0.5) / 400
_THRESHOLDS = np.linspace(0.5, 3.0, 101)
_SHIFTS = np.linspace(0.0, 2.5, 101)
_BISECTIONS = 40


class Match(NamedTuple):
    """Numbers of a neuron that follows a ramp.

    Arguments:
        threshold: V.
        shift: added to what arrives in each SNN step.
    """

    threshold: float
    shift: float


def answers(z: Floats, match: Match, kept: float, copies: int) -> Floats:
    """Share of SNN steps in which neurons spike that read `z`, as `z`.

    Those that do not leak have the shift of all steps at the start, as converted networks do.
    """
    leaks = kept < 1
    membrane = np.full_like(z, 0.0 if leaks else match.shift * copies)
    spikes = np.zeros_like(z)
    for _ in range(copies):
        membrane = membrane * kept + z + (match.shift if leaks else 0.0)
        fires = membrane >= match.threshold
        membrane -= fires * match.threshold
        spikes += fires
    return spikes / copies


def matched(kept: float, copies: int) -> Match:
    """Threshold and shift with which a neuron follows the ramp 0…1 best, by the mean square."""
    if kept == 1 or copies == 1:
        return Match(1.0, 1 / (2 * copies))
    if copies == 2:
        threshold = (1 + kept) / (2 * kept)
        return Match(threshold, threshold - 0.75)
    found = [(_error(Match(v, shift), kept, copies), v, shift) for v in _THRESHOLDS for shift in _SHIFTS]
    _, threshold, shift = min(found)
    return Match(float(threshold), float(shift))


def calibrated(z: Floats, match: Match, kept: float, copies: int) -> float:
    """The shift with which neurons that read z spike as often, on average, as z is open, clipped to 0…1.

    Arguments:
        z: what arrives, any values.
        match: its threshold counts, its shift does not.
        kept, copies: as of `matched`.
    """
    wanted = float(np.clip(z, 0, 1).mean())
    low, high = -match.threshold - 1, match.threshold + 1
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if answers(z, Match(match.threshold, middle), kept, copies).mean() < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _error(match: Match, kept: float, copies: int) -> float:
    return float(((answers(_RAMP, match, kept, copies) - _RAMP) ** 2).mean())
