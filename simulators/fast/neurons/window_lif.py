"""Neurons that see the windows of a map one after the other: a pass that starts the window, and one that adds to it."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.window_lif import CARRIES, ENTRIES, PRODUCT_BITS, QUARTER, WindowLif
from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.neurons.arithmetic import saturated
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# States.
POTENTIAL, COSINE, WINDOW = range(3)

# Ports.
CURRENT, POTENTIALS, COSINES = range(3)

# Parameters of each neuron.
BIAS, THRESHOLD = range(2)

# Parameters that all neurons share; the tables begin at the last two.
CARRY, WINDOWS, KEEP, INDEX_SHIFT, TABLE_SHIFT, PRODUCT_SHIFT = range(6)
SINE, TABLE = 6, 6 + ENTRIES

NONE, GROUP, LAYER, SUM, BY_TABLE, OMEGA = range(len(CARRIES))

LAST_ENTRY = ENTRIES - 1


def per_neuron(neuron: WindowLif, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Bias of the sum, threshold."""
    return [neuron.per_neuron("bias_mant", shape), neuron.per_neuron("vth_mant", shape) << 6]


def shared(neuron: WindowLif) -> list[int]:
    """Carry by number, windows, kept share in 1/4096, shifts, and the tables."""
    table = np.zeros(ENTRIES, np.int64) if neuron.table is None else np.asarray(neuron.table)
    shifts = (neuron.index_shift, neuron.table_shift, neuron.unit - PRODUCT_BITS)
    tables = (*np.asarray(neuron.sine).tolist(), *table.tolist())
    return [CARRIES.index(neuron.carry), neuron.windows, neuron.keep, *map(int, shifts), *tables]  # type: ignore[arg-type]


@compiled
def step(program, state, layer, shift):
    """One step of a layer. All its neurons are at the same window."""
    first, last = neurons_of(program.layers[layer])
    potential = state.neurons[POTENTIAL][first:last]
    cosine, window = state.neurons[COSINE][first:last], state.neurons[WINDOW][first:last]
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    now = window[0]
    if now == 0 or of_layer[CARRY] == NONE:
        potential[:] = 0
    else:
        begin, end = port_of(program.layers[layer], POTENTIALS)
        potentials = state.sums[begin:end]
        begin, end = port_of(program.layers[layer], COSINES)
        _start(potential, potentials, state.sums[begin:end], of_layer)
    if now != 0 and of_layer[CARRY] == OMEGA:
        state.counted[program.layers[layer].counted_at] += program.layers[layer].n
    begin, end = port_of(program.layers[layer], CURRENT)
    bias, threshold = program.neuron_parameters[BIAS][first:last], program.neuron_parameters[THRESHOLD][first:last]
    _add(potential, state.sums[begin:end], bias, threshold, state.spiking[first:last])
    sine, shift_to = of_layer[SINE : SINE + ENTRIES], np.int32(of_layer[INDEX_SHIFT])
    for i in range(len(cosine)):
        cosine[i] = np.int32(sine[np.uint64((np.int32(potential[i] >> shift_to) + QUARTER) & LAST_ENTRY)])
    window[:] = np.int32((np.int64(now) + 1) % of_layer[WINDOWS])
    # What is handed over of the padding would let it spike.
    without_padding(state.spiking, program.layers[layer])


@compiled
def _start(potential, potentials, cosines, of_layer):
    """Put in place of each potential what the next window starts from."""
    carry = of_layer[CARRY]
    if carry == OMEGA:
        _by_product(potential, cosines, of_layer)
        return
    if carry == LAYER:
        potential[:] = 0
    if carry != GROUP:
        for i in range(len(potential)):
            potential[i] += potentials[i]
    if carry == BY_TABLE:
        table, index_shift = of_layer[TABLE : TABLE + ENTRIES], np.int32(of_layer[INDEX_SHIFT])
        table_shift = np.int32(of_layer[TABLE_SHIFT])
        for i in range(len(potential)):
            index = min(max(np.int32(potential[i] >> index_shift), np.int32(-128)), np.int32(127))
            potential[i] = np.int32(np.int32(table[np.uint64(index + 128)]) << table_shift)
        return
    keep = np.int32(of_layer[KEEP])
    for i in range(len(potential)):
        # By halves, rounded down as the whole product would be.
        high = np.int32(np.int32(potential[i] >> 12) * keep)
        low = np.int32(np.int32(potential[i] & 4095) * keep)
        potential[i] = np.int32(high + np.int32(low >> 12))


@compiled
def _by_product(potential, cosines, of_layer):
    """The sine of the potential times the cosine that came."""
    sine, index_shift = of_layer[SINE : SINE + ENTRIES], np.int32(of_layer[INDEX_SHIFT])
    up = np.int32(max(of_layer[PRODUCT_SHIFT], 0))
    down = np.int32(max(-of_layer[PRODUCT_SHIFT], 0))
    for i in range(len(potential)):
        entry = np.int32(sine[np.uint64(np.int32(potential[i] >> index_shift) & LAST_ENTRY)])
        potential[i] = np.int32(np.int32(np.int32(entry * cosines[i]) << up) >> down)


@compiled
def _add(potential, current, bias, threshold, spiking):
    """Add what came to what the window started from; which neurons spike."""
    for i in range(len(potential)):
        charged = saturated(np.int32(potential[i] + np.int32(_summed(current[i], bias[i]) << 6)))
        potential[i] = charged
        spiking[i] = charged > threshold[i]


@spliced
def _summed(current, bias):
    """Current and bias; beyond ±2^19 whatever the potential starts from is saturated."""
    held = min(max(current, np.int32(-1048576)), np.int32(1048576))
    return min(max(np.int32(held + bias), np.int32(-524288)), np.int32(524288))


WINDOW_LIF = NeuronKind(step, per_neuron, shared)
