"""Two-dimensional convolutions, event by event: each adds a kernel's weights to neighbouring targets."""

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import ConvSynapse, WindowConvSynapse
from lapilli.simulators.compiled import compiled, intrinsic, spliced
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.kernels.spikes import value_of
from lapilli.simulators.fast.kernels.sums import WRAP_24, sum_of
from lapilli.simulators.fast.kernels.vectors import pointer
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.rows import add_run
from lapilli.simulators.fast.synapses.weights import Weights, short_weights


def lower(draft: Draft, layer: Layer, synapse: ConvSynapse, op: Operation) -> object:
    """Give an operation its kernels, its delays, and tables that spare the kernels divisions by strides."""
    weights, final, shift = weights_of(synapse, draft.graded(synapse))
    low, high = synapse.delay_range
    if low == high:
        op.lag = 1 + low
        draft.add_up(op, synapse, final, shift)
    else:
        delays = np.broadcast_to(np.asarray(synapse.delays).reshape(-1, 1, 1), layer.shape).reshape(-1)
        draft.add_up(
            op,
            synapse,
            final,
            shift,
            target_delays=np.pad(delays[draft.orders[layer.name]], (0, op.padded - layer.size)),
        )
    lower_taps(draft, layer, synapse, op, weights)
    return add_kernels


def lower_taps(
    draft: Draft, layer: Layer, synapse: ConvSynapse | WindowConvSynapse, op: Operation, weights: Weights
) -> None:
    """Give an operation its kernels, and tables of where their taps lead from each source neuron."""
    channels_out, channels_in, op.kernel_y, op.kernel_x = weights.shape
    op.run = channels_out // synapse.groups
    of_groups = weights.reshape(synapse.groups, op.run, channels_in, op.kernel_y, op.kernel_x)
    # The targets of a tap are neighbours in memory, and so are its weights.
    draft.store(op, of_groups.transpose(0, 2, 3, 4, 1))
    source = draft.network.shapes[synapse.source]
    channel, y, x = np.unravel_index(draft.orders[synapse.source], source)
    places = [channel * op.kernel_y * op.kernel_x * op.run, channel // channels_in * op.run, y * op.kernel_y]
    op.table_at = draft.tables.add(np.stack([*places, x * op.kernel_x], axis=1))
    rows, columns = (synapse.tap_targets(axis, source[1 + axis], layer.shape[1 + axis]) for axis in (0, 1))
    op.rows_at = draft.tables.add(_multiples(rows, layer.shape[2] * channels_out))
    op.columns_at = draft.tables.add(_multiples(columns, channels_out))


def weights_of(synapse: ConvSynapse | WindowConvSynapse, graded: bool) -> tuple[Weights, int, int]:
    """Weights as stored, and the final step of their sums and its amount."""
    weights = synapse.effective_weights
    reach = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1).max()
    if graded or reach >= 1 << 23:
        return weights, WRAP_24, synapse.weight_exp
    # Binary spikes cannot reach 24 bits through a kernel of fewer than 2^15 taps; then no wrap is needed.
    return short_weights(weights, synapse.weight_exp, graded)


def _multiples(places: npt.NDArray[np.int64], unit: int) -> npt.NDArray[np.int64]:
    """Places in multiples of `unit`; -1, nowhere, stays."""
    return np.where(places < 0, -1, places * unit)


@compiled
def add_kernels(program, state, op, step, weights, first, n_events):
    """Add the kernel of each event, times its value."""
    table_at, graded = program.ops[op].table_at, program.sources[program.ops[op].source].graded
    begin, end = sum_of(program.sums, program.ops[op])
    total = state.sums[begin:end]
    for index in range(first, first + n_events):
        place = table_at + 4 * np.int64(state.spike_list[index])
        _add_taps(total, weights, program.tables, program.ops[op], place, value_of(state.spike_value, index, graded))


@intrinsic
def _add_eight(typing, total, total_at, weights, weight_at):
    """Add eight neighbouring weights to eight neighbouring sums."""

    def generate(context, builder, signature, values):
        stored = ir.VectorType(context.get_data_type(signature.args[2].dtype), 8)
        word = ir.VectorType(ir.IntType(32), 8)
        to = pointer(context, builder, signature.args[0], values[0], values[1])
        to = builder.bitcast(to, word.as_pointer())
        place = pointer(context, builder, signature.args[2], values[2], values[3])
        added = builder.load(builder.bitcast(place, stored.as_pointer()), align=1)
        builder.store(builder.add(builder.load(to, align=4), builder.sext(added, word)), to, align=4)
        return context.get_dummy_value()

    return numba.types.void(total, total_at, weights, weight_at), generate


@spliced
def _add_taps(total, weights, tables, op, place, value):
    """Scatter one event through a convolution kernel into channel-last accumulators."""
    # Four entries for each source neuron: where its channel's weights and its group's targets begin, and its row and
    # its column among the tap targets. To divide by strides instead would cost as much as the adding does.
    weight_at, first = op.weight_at + tables[place], np.int64(tables[place + 1])
    rows = tables[op.rows_at + tables[place + 2] : op.rows_at + tables[place + 2] + op.kernel_y]
    columns = tables[op.columns_at + tables[place + 3] : op.columns_at + tables[place + 3] + op.kernel_x]
    for ky in range(op.kernel_y):
        if rows[ky] < 0:
            continue
        for kx in range(op.kernel_x):
            if columns[kx] < 0:
                continue
            target = first + rows[ky] + columns[kx]
            at = weight_at + (ky * op.kernel_x + kx) * op.run
            if value != 1:
                add_run(total[target : target + op.run], weights, at, op.run, value)
                continue
            lane = np.int64(0)
            while lane + 8 <= op.run:
                _add_eight(total, target + lane, weights, at + lane)
                lane += 8
            while lane < op.run:
                total[np.uint64(target + lane)] += weights[np.uint64(at + lane)]
                lane += 1


CONV = SynapseKind(lower, (add_kernels,))
