"""Lava's random numbers: one for each step, shared by all synapses of a connection, from numpy's default generator.

Sources: `TraceRandom` and `ConnVarRandom` of lava-nc 0.10.0. The traces of x draw from the generators of `seed` and
`seed + 1`, those of y from `seed + 2` and `seed + 3`, twice in a step, of which the second number is used; the rounding
of weights draws from seed 2, whatever the connection's seed is, so that all connections round alike.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.learning.blueprint import LearningBlueprint
from lapilli.simulators.learning.config import TRACE_MAX, Y_TAU

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]

_WEIGHT_SEED = 2
_WEIGHT_FRACTION = 128
_IMPULSE_FRACTION_BITS = 8


class Streams(NamedTuple):
    """The random numbers of a stretch of steps.

    Arguments:
        x_decay, y_decay: (synapses, steps): compared with the fraction that a decay cuts off.
        impulse: int32, (synapses, steps): what a spike adds to the trace.
        carry: int32, (steps,): what is added to a weight's 7 lowest bits before they are cut off.
    """

    x_decay: Float64
    y_decay: Float64
    impulse: Int32
    carry: Int32


class DecayTables(NamedTuple):
    """A decay of each value that a trace can have: (synapses, 128) of x, (128,) of y; whole part and fraction."""

    x_whole: Int32
    x_fraction: Float64
    y_whole: Int32
    y_fraction: Float64


def streams(blueprint: LearningBlueprint, first: int, n_steps: int) -> Streams:
    """Random numbers of steps `first`… (from 0) of a learning run."""
    shape = (len(blueprint.synapses), n_steps)
    x_decay, y_decay, impulse = np.empty(shape), np.empty(shape), np.empty(shape, np.int32)
    for number, synapse in enumerate(blueprint.synapses):
        x_decay[number] = _doubles(synapse.seed, first, n_steps)
        y_decay[number] = _doubles(synapse.seed + 2, first, n_steps)
        whole = np.floor(synapse.pre_impulse)
        fraction = np.round((synapse.pre_impulse - whole) * (1 << _IMPULSE_FRACTION_BITS))
        impulse[number] = whole + (_integers(synapse.seed + 1, first, n_steps) < fraction)
    generator = _generator(_WEIGHT_SEED, first + 1)
    # A weight rises where its fraction, in 128ths, is above the random number.
    carry = _WEIGHT_FRACTION - 1 - np.floor(generator.random(n_steps) * _WEIGHT_FRACTION)
    return Streams(x_decay, y_decay, impulse, carry.astype(np.int32))


def decay_tables(blueprint: LearningBlueprint) -> DecayTables:
    """Decays of every value of the traces."""
    values = np.arange(TRACE_MAX + 1)
    x = np.stack([_decayed(values, synapse.pre_tau) for synapse in blueprint.synapses])
    y = _decayed(values, Y_TAU)
    return DecayTables(np.floor(x).astype(np.int32), x % 1, np.floor(y).astype(np.int32), y % 1)


def _decayed(values: npt.NDArray[np.int64], tau: float) -> Float64:
    return np.exp(-1 / np.array([[tau]]))[0, 0] * values if tau else np.zeros(len(values))


def _doubles(seed: int, first: int, n_steps: int) -> Float64:
    # The number of step t (from 1) is number 2 t, counted from 0: one is drawn before the first step.
    return _generator(seed, 2 * first + 2).random(2 * n_steps)[::2]


def _integers(seed: int, first: int, n_steps: int) -> npt.NDArray[np.int64]:
    # Two of them come from one 64-bit number.
    generator = _generator(seed, first + 1)
    return generator.integers(0, TRACE_MAX + 1, size=2 * n_steps, dtype=np.int64)[::2]


def _generator(seed: int, drawn: int) -> np.random.Generator:
    """Numpy's default generator after so many 64-bit numbers."""
    return np.random.Generator(np.random.PCG64(seed).advance(drawn))
