"""What changes while a sample runs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.fast.aligned import aligned_zeros
from lapilli.simulators.fast.program import Int32, Program


class State(NamedTuple):
    """Everything that changes while a sample runs.

    Arguments:
        neurons: int32, (states, padded neurons), in the order of the neuron model's `states`.
        spiking: uint8, which of the padded neurons send; outgoing: int32, what they send where it carries a value.
        sums, lines, rings, spares: accumulators and what is on its way.
        spike_list, spike_value: neurons (and values of graded spikes) that each source sent in the last steps.
        spike_count: (sources, slots).
        counted: int64, (counters of all layers' neurons), layer by layer, and one more, so that it is never empty.
    """

    neurons: Int32
    spiking: npt.NDArray[np.uint8]
    outgoing: Int32
    sums: Int32
    lines: Int32
    rings: Int32
    spares: Int32
    spike_list: Int32
    spike_value: Int32
    spike_count: npt.NDArray[np.int64]
    counted: npt.NDArray[np.int64]


class Totals(NamedTuple):
    """What is counted on a stream: as the fields of `runner.Kept` of these names, of one sample."""

    sent: npt.NDArray[np.int64]
    payload_bits: npt.NDArray[np.int64]
    synapse_ops: npt.NDArray[np.int64]
    input_events: npt.NDArray[np.int64]
    layer_events: npt.NDArray[np.int64]


def new_totals(program: Program) -> Totals:
    """Nothing counted yet."""
    n_sources = len(program.layers) + 1
    sizes = (n_sources, n_sources, len(program.ops), int(program.sources["n"][0]), program.n_padded)
    return Totals(*(np.zeros(size, np.int64) for size in sizes))


def new_state(program: Program) -> State:
    """State in which every sample starts: neurons at rest, nothing on its way."""
    n_neurons, n_listed = program.n_padded, int(program.sources["n"].sum()) * program.slots
    n_valued = n_listed if program.sources["graded"].any() else 1
    sizes = (program.n_sums, program.n_lines, program.n_rings, program.n_spares, n_listed, n_valued)
    sums, lines, rings, spares, spike_list, spike_value = (aligned_zeros(size, np.int32) for size in sizes)
    state = State(
        aligned_zeros((program.n_states, n_neurons), np.int32),
        aligned_zeros(n_neurons, np.uint8),
        aligned_zeros(n_neurons, np.int32),
        sums,
        lines,
        rings,
        spares,
        spike_list,
        spike_value,
        np.zeros((len(program.sources), program.slots), np.int64),
        np.zeros(program.n_counted + 1, np.int64),
    )
    # As the kernel `clear` does it, which to call from here takes longer than some samples.
    for layer, values in zip(program.layers, program.rest):
        if values.any():
            state.neurons[:, layer["at"] : layer["at"] + layer["padded"]] = values[:, None]
    return state
