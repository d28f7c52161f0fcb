"""Which compiled functions a program calls: those of the kinds that it has, and no others are compiled."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from lapilli.simulators.by_reference import Reference, address_of, type_of
from lapilli.simulators.fast.kernels.calling import EVENTS, WHOLE
from lapilli.simulators.fast.kernels.step import advance
from lapilli.simulators.fast.neurons.kinds import FAST_NEURONS
from lapilli.simulators.fast.program import Lowered, Program
from lapilli.simulators.fast.state import new_state
from lapilli.simulators.fast.synapses.kinds import ACCUMULATIONS

_STEPS = tuple(kind.step for kind in FAST_NEURONS.values())


class Calls(NamedTuple):
    """Addresses of compiled functions, which are those of this process alone.

    Arguments:
        advance: a step of the network.
        steps: of each layer, the step of its neurons.
        accumulations: of each operation, what adds up its events.
    """

    advance: int
    steps: npt.NDArray[np.int64]
    accumulations: npt.NDArray[np.int64]


_KNOWN: WeakKeyDictionary[Lowered, Calls] = WeakKeyDictionary()


def calls_of(lowered: Lowered) -> Calls:
    """The functions that a program calls; at the first time they are read from disk or compiled."""
    if (known := _KNOWN.get(lowered)) is None:
        known = _KNOWN[lowered] = _found(lowered.program)
    return known


def _found(program: Program) -> Calls:
    given = Reference(type_of(program)), Reference(type_of(new_state(program)))
    weights = type_of(program.weights8), type_of(program.weights16)
    steps = [address_of(_STEPS[model], *given, WHOLE, WHOLE) for model in program.layers["model"]]
    accumulations = [
        address_of(ACCUMULATIONS[kind], *given, WHOLE, WHOLE, weights[wide], WHOLE, WHOLE)
        for kind, wide in zip(program.ops["kind"], program.ops["wide"])
    ]
    calls = Calls(0, np.array(steps, np.int64), np.array(accumulations, np.int64))
    of_network = address_of(advance, *given, Reference(type_of(calls)), WHOLE, EVENTS, EVENTS, *(WHOLE,) * 4)
    return calls._replace(advance=of_network)
