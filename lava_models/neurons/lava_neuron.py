"""How a neuron kind runs in Lava: its Process, and where a Process has its inputs, states and counters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lava.magma.core.process.process import AbstractProcess

from lapilli.netx_exports.network import Layer


@dataclass(frozen=True)
class LayerReset:
    """A neuron population starts afresh in each Lava time step t (from 1) with `t % interval == offset`."""

    interval: int
    offset: int


class Row(NamedTuple):
    """A row of a Var, (rows, neurons), that is a state of its own.

    Arguments:
        var: name of the Var.
        row: number of the row; a Process whose Var has fewer rows does not have the state.
    """

    var: str
    row: int


@dataclass(frozen=True)
class LavaNeuron:
    """A neuron kind in Lava.

    Arguments:
        process: class of the Process, which sends by its OutPort `s_out`.
        build: the Process of a layer, flat in C order; with a reset only where the kind says `lava_resets`.
        states: names of the Vars, by state, or rows of Vars.
        inputs: names of the InPorts, by port.
        counters: names of the Vars, by counter: numbers, (1,), that grow over the whole run.
        handed: names of the OutPorts, by what the neurons hand over by them.
    """

    process: type[AbstractProcess]
    build: Callable[[Layer, LayerReset | None], AbstractProcess]
    states: Mapping[str, str | Row]
    inputs: Mapping[str, str]
    counters: Mapping[str, str] = field(default_factory=dict)
    handed: Mapping[str, str] = field(default_factory=dict)
