"""What a synapse's Process is put between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.synapse import Shape


@dataclass(frozen=True)
class Wire:
    """From a source to a port of a layer's neurons.

    Arguments:
        sender: port of the source, flat in C order: of its events, or of what it hands over.
        source_shape: of the source.
        layer: that is fed.
        entry: port of the layer's neurons, flat in C order.
        message_bits: 0 where the source sends spikes, else some.
        n_sums: sums that the synapse feeds: neurons of the layer, or several for each.
        clock: of the source.
    """

    sender: OutPort
    source_shape: Shape
    layer: Layer
    entry: InPort
    message_bits: int
    n_sums: int
    clock: Clock

    def through(self, process: AbstractProcess) -> None:
        """Connect a Process with the ports `s_in` and `a_out` in between."""
        self.sender.connect(process.s_in)
        process.a_out.connect(self.entry)


Connect = Callable[[Any, Wire], AbstractProcess | None]
"""Connects a synapse, and returns its Process, None where there is none."""


@dataclass(frozen=True)
class LavaSynapse:
    """A synapse kind in Lava.

    Arguments:
        connect: builds and connects it.
        counters: names of the Vars of its Process, by counter: numbers, (1,), that grow over the whole run.
    """

    connect: Connect
    counters: Mapping[str, str]
