"""A network as flat arrays for the kernels.

Layout decisions, all invisible outside:

* Every layer's neurons are padded to a multiple of `LANES`, so that vector loops have no rest; padding never spikes.
* A layer fed by a convolution numbers its neurons channel-last (H, W, C): a kernel tap then adds a contiguous run.
* Weights are stored as int8 where a common power of two makes them fit (SLAYER's do), else int16. The power of two and
  the synapse's exponent go into the accumulator's final shift wherever that is exact.
* Synapses that feed one port of a layer and share a final shift share an accumulator.
* The sums of a layer's ports lie side by side, one for each port in turn.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]


class Program(NamedTuple):
    """Arrays that the kernels read; few, because each costs time at every call.

    Arguments:
        n_states: most states that a neuron has.
        slots: remembered steps of spike lists, a power of two.
        sources, layers, ops, sums: tables of `records`.
        neuron_parameters: (parameters, padded neurons), in the order of the neuron kind's `per_neuron`.
        layer_parameters: int64 pool of what all neurons of a layer share.
        rest: int32, (layers, states), in which value a layer's neurons start.
        weights8, weights16: pools of weights.
        tables: int32 pool of delays, places and permutations.
        fan_out: int32 pool, connections that an event of each source neuron meets.
        readers: operations that read each source, source by source.
        n_sums, n_lines, n_rings, n_spares: sizes of the pools that the state needs.
        n_counted: counters of all layers' neurons.
    """

    n_states: int
    slots: int
    sources: npt.NDArray[np.void]
    layers: npt.NDArray[np.void]
    ops: npt.NDArray[np.void]
    sums: npt.NDArray[np.void]
    neuron_parameters: Int32
    layer_parameters: npt.NDArray[np.int64]
    rest: Int32
    weights8: npt.NDArray[np.int8]
    weights16: npt.NDArray[np.int16]
    tables: Int32
    fan_out: Int32
    readers: npt.NDArray[np.int64]
    n_sums: int
    n_lines: int
    n_rings: int
    n_spares: int
    n_counted: int

    @property
    def n_padded(self) -> int:
        """Neurons of all layers, with what pads them."""
        return self.neuron_parameters.shape[1]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program and what is needed to read its results.

    Arguments:
        program: arrays for the kernels.
        to_c_order: for each layer, C-order index of each of its neurons as the program numbers them.
    """

    program: Program
    to_c_order: tuple[npt.NDArray[np.int64], ...]


def state_bytes(program: Program) -> int:
    """Memory that one worker's state takes."""
    lists = int(program.sources["n"].sum()) * program.slots
    sums = program.n_sums + program.n_lines + program.n_rings + program.n_spares
    graded = bool(program.sources["graded"].any())
    return 4 * (lists * (1 + graded) + sums) + (5 + 4 * program.n_states) * program.n_padded
