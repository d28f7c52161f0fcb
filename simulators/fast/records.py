"""The records of a lowered network: a row for each source, layer, operation and accumulator.

A dataclass is a row as it is lowered; `table` makes an array of such rows, whose fields the kernels read by name. All
fields are int64; `at` is where something begins in a pool.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

NOWHERE = -1
"""Offset of what there is not."""


@dataclass
class Source:
    """What sends events: first the input, then the layers, then axons.

    Axons list each spike of a layer or of the input again when the delay of its neuron has passed.
    """

    n: int
    """Neurons."""
    graded: int = 0
    """Whether its events carry values."""
    at: int = 0
    """Its lists of spikes, one for each slot."""
    first_reader: int = 0
    """The operations that read it are a run of `Program.readers`, of which this is the first."""
    n_readers: int = 0
    """Operations in that run."""
    first_axons: int = 0
    """Its axons are a run of further sources, of which this is the first."""
    n_axons: int = 0
    """Axons in that run."""
    delay_at: int = 0
    """Of axons: the delays of its neurons, in `Program.tables`."""


@dataclass
class LayerRecord:
    """A layer: its neurons, and the runs of its operations, accumulators and ports."""

    n: int
    """Neurons."""
    padded: int
    """Neurons with what pads them to whole vectors."""
    model: int
    """The neuron model, as `neurons.kinds` numbers them."""
    parameters_at: int
    """What all its neurons share, in `Program.layer_parameters`."""
    ports_at: int
    """The sums of each port in turn, each of `padded` neurons, in `State.sums`."""
    port_entries: int
    """Entries of the sums of all its ports."""
    period: int = 1
    phase: int = 0
    """Its clock."""
    at: int = 0
    """Its first neuron, among those of all layers."""
    first_op: int = 0
    n_ops: int = 0
    """The operations that feed it are `n_ops` from `first_op` on."""
    first_sum: int = 0
    n_sums: int = 0
    """Its accumulators are `n_sums` from `first_sum` on."""
    n_states: int = 0
    """States of its neurons: so many rows of `State.neurons` are theirs."""
    counted_at: int = 0
    """The first of its neurons' counters, in `State.counted`."""
    fed_late: int = 0
    """Whether its sums may hold what no event brought in this step: from delay lines, rings or hand-overs."""
    late_shift: int = NOWHERE
    """Where its one accumulator is shifted left and no more, the shift, which the neurons then do; else -1."""


@dataclass
class Operation:
    """A synapse: what happens to the events of a source on their way to an accumulator."""

    layer: int
    """The layer that it feeds."""
    source: int
    """The source that it reads."""
    fan_at: int
    """Connections that an event of each source neuron meets, in `Program.fan_out`."""
    kind: int = 0
    """The accumulation, as `synapses.kinds` numbers them."""
    padded: int = 0
    """Sums that it feeds, with what pads the neurons to whole vectors."""
    sum: int = 0
    """The accumulator."""
    lag: int = 1
    """Steps that all its events are on their way: 0 for a direct synapse, else 1 and the delay they share."""
    wide: int = 0
    """Whether its weights are int16, in `Program.weights16`, rather than int8."""
    weight_at: int = 0
    """Its weights, in their pool."""
    table_at: int = 0
    """Places or delays, in `Program.tables`, as the accumulation reads them."""
    rows_at_once: int = 0
    """Of a dense synapse: rows whose sum is certain to fit int16."""
    kernel_y: int = 0
    kernel_x: int = 0
    """Of a convolution: the kernel's height and width."""
    run: int = 0
    """Of a convolution: target channels in a group, whose weights are neighbours."""
    taps: int = 0
    """Of taps in time: connections of each source neuron."""
    first_tap: int = 0
    """Of taps in time: the delay of the first."""
    start: int = 0
    """Of a rotary synapse: the step in which position 0 is sent; of a join: window 0 of the first image."""
    positions: int = 0
    """Of a rotary synapse: rows of its table."""
    pairs: int = 0
    """Of a rotary synapse: pairs of neurons in a head."""
    carries: int = 0
    """Of a hand-over: states of a neuron, whose rows in `State.neurons` stand in `Program.tables`."""
    spread: int = 1
    """Of a join: windows, which are sent in as many steps and arrive in one; else 1."""
    exponent: int = 0
    """Of a join: each product is multiplied by this power of two."""
    counted_at: int = 0
    """The first of its counters, in `State.counted`."""
    rows_at: int = 0
    columns_at: int = 0
    """Of a convolution: where kernel taps lead from each row and each column of the source, in `Program.tables`."""


@dataclass
class Accumulator:
    """Where weights of one step add up, and what is done to the sum before it reaches the neurons."""

    layer: int
    """The layer whose neurons it feeds."""
    port: int
    """The number of the neurons' port."""
    final: int
    """The last thing done to a sum: one of `SHIFT_LEFT`, `SHIFT_RIGHT`, `WRAP_24` of `kernels/sums.py`."""
    shift: int
    """By how many bits; of `WRAP_24`: then to the left, or to the right where it is below 0."""
    padded: int
    """Its entries."""
    port_at: int
    """The sums of its port, in `State.sums`."""
    at: int = 0
    """In `State.sums`; the first accumulator of a port is the port's sum itself."""
    line_at: int = NOWHERE
    """A delay line with one delay for each target, in `State.lines`."""
    line_delay_at: int = NOWHERE
    """The delays of that line, in `Program.tables`."""
    ring_at: int = NOWHERE
    """A ring of steps to come, in `State.rings`, where each connection has a delay of its own."""
    spare_at: int = NOWHERE
    """Room aside, in `State.spares`, for sums of a ring that are rounded before they are delayed."""


def record(row: type[Any]) -> np.dtype[np.void]:
    """The record of a row's fields."""
    return np.dtype([(field.name, np.int64) for field in fields(row)])


def table(row: type[Any], rows: Sequence[Any]) -> npt.NDArray[np.void]:
    """Rows as an array of records."""
    return np.array([astuple(found) for found in rows], record(row))
