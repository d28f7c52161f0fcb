"""What changes while a sample runs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.fast.program import Int32, Program


class State(NamedTuple):
    """Everything that changes while a sample runs.

    Arguments:
        current, voltage: int32, per padded neuron; spiking: uint8, the same.
        sums, lines, rings, spares: accumulators and what is on its way.
        spike_list, spike_value: neurons (and payloads of graded input) that each source sent in the last steps.
        spike_count: (sources, slots).
    """

    current: Int32
    voltage: Int32
    spiking: npt.NDArray[np.uint8]
    sums: Int32
    lines: Int32
    rings: Int32
    spares: Int32
    spike_list: Int32
    spike_value: Int32
    spike_count: npt.NDArray[np.int64]


def new_state(program: Program) -> State:
    """State in which every sample starts: all zero, nothing on its way."""
    n_neurons, n_listed = len(program.bias), int(program.sources["n"].sum()) * program.slots
    n_valued = int(program.sources["n"][0]) * program.slots if program.graded_input else 1
    sizes = (program.n_sums, program.n_lines, program.n_rings, program.n_spares, n_listed, n_valued)
    sums, lines, rings, spares, spike_list, spike_value = (np.zeros(size, np.int32) for size in sizes)
    return State(
        np.zeros(n_neurons, np.int32),
        np.zeros(n_neurons, np.int32),
        np.zeros(n_neurons, np.uint8),
        sums,
        lines,
        rings,
        spares,
        spike_list,
        spike_value,
        np.zeros((len(program.sources), program.slots), np.int64),
    )
