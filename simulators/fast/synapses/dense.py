"""All-to-all connections: rows of weights, a row for each source neuron."""

from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.synapses.kinds import DenseSynapse
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.draft import Axons, Draft
from lapilli.simulators.fast.kernels.spikes import value_of
from lapilli.simulators.fast.kernels.sums import RING, SHIFT_LEFT, sum_of
from lapilli.simulators.fast.records import Operation
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.rows import add_rows, add_run, add_valued_rows
from lapilli.simulators.fast.synapses.weights import short_weights

_FEW = 0.125
"""Share of rows with weights up to which the others are worth passing over."""


def lower(draft: Draft, layer: Layer, synapse: DenseSynapse, op: Operation) -> object:
    """Give an operation its rows and its delays: one for all, for each target, for each source or each connection."""
    graded = draft.graded(synapse)
    weights, final, shift = short_weights(synapse.effective_weights, synapse.weight_exp, graded)
    op.rows_at_once = np.iinfo(np.int16).max // max(1, int(np.abs(weights).max(initial=0)))
    spots, source_order = draft.spots(layer, synapse), draft.orders[synapse.source]
    draft.store(op, _rows(weights[:, source_order], spots, op.padded))
    low, high = synapse.delay_range
    n_rows = np.count_nonzero(weights.any(axis=0))
    add = add_few_rows if n_rows <= _FEW * len(source_order) else add_rows_of_events
    if low == high:
        op.lag = 1 + low
        draft.add_up(op, synapse, final, shift)
        return add
    delays = np.asarray(synapse.delays, np.int32)
    if delays.shape[1] == 1:
        draft.add_up(op, synapse, final, shift, target_delays=_rows(delays, spots, op.padded)[0])
        return add
    if delays.shape[0] == 1 and final == SHIFT_LEFT and not graded:
        draft.axons.append(Axons(op, draft.tables.add(delays[0, source_order]), high))
        draft.add_up(op, synapse, final, shift)
        return add_rows_of_events
    delays = np.broadcast_to(delays, weights.shape)[:, source_order]
    op.table_at = draft.tables.add(_rows(delays * op.padded, spots, op.padded) + np.arange(op.padded, dtype=np.int32))
    draft.add_up(op, synapse, final, shift, ring=True)
    return add_late_rows


def _rows(
    matrix: npt.NDArray[np.integer[Any]], spots: npt.NDArray[np.int64], padded: int
) -> npt.NDArray[np.integer[Any]]:
    """A matrix (targets, sources) as a row for each source, each target at its spot, with zeros where none is."""
    rows = np.zeros((matrix.shape[1], padded), matrix.dtype)
    rows[:, spots] = matrix.T
    return rows


@compiled
def add_rows_of_events(program, state, op, step, weights, first, n_events):
    """Add the row of each event, times its value."""
    source = program.ops[op].source
    weight_at, padded = program.ops[op].weight_at, program.ops[op].padded
    begin, end = sum_of(program.sums, program.ops[op])
    total, events = state.sums[begin:end], state.spike_list[first : first + n_events]
    if not program.sources[source].graded:
        add_rows(total, weights, weight_at, padded, events, program.ops[op].rows_at_once)
        if source > len(program.layers):
            # Axons have this one reader; their slot is to be filled anew.
            state.spike_count[source, (step - program.ops[op].lag) & (program.slots - 1)] = 0
        return
    factors = state.spike_value[first : first + n_events]
    add_valued_rows(total, weights, weight_at, padded, events, factors, program.ops[op].rows_at_once)


@compiled
def add_few_rows(program, state, op, step, weights, first, n_events):
    """As `add_rows_of_events`, where most rows are nothing but zeros: these are passed over."""
    weight_at, padded = program.ops[op].weight_at, program.ops[op].padded
    begin, end = sum_of(program.sums, program.ops[op])
    total, graded = state.sums[begin:end], program.sources[program.ops[op].source].graded
    for index in range(first, first + n_events):
        source = np.int64(state.spike_list[index])
        if program.fan_out[program.ops[op].fan_at + source]:
            add_run(total, weights, weight_at + source * padded, padded, value_of(state.spike_value, index, graded))


@compiled
def add_late_rows(program, state, op, step, weights, first, n_events):
    """Put the row of each event into the ring of steps to come, or, where sums are rounded, aside by delay."""
    number = program.ops[op].sum
    padded = program.ops[op].padded
    aside = program.sums[number].spare_at >= 0
    pool = state.spares if aside else state.rings
    base = program.sums[number].spare_at if aside else program.sums[number].ring_at + (step & (RING - 1)) * padded
    graded = program.sources[program.ops[op].source].graded
    for index in range(first, first + n_events):
        row = np.int64(state.spike_list[index]) * padded
        weight_at, table_at = program.ops[op].weight_at + row, program.ops[op].table_at + row
        value = value_of(state.spike_value, index, graded)
        _add_scattered(pool, weights, weight_at, program.tables, table_at, padded, base, value)


@compiled
def _add_scattered(pool, weights, weight_at, tables, table_at, size, base, value):
    """Add a row of weights to places all over the ring of steps to come, which starts at `base` of `pool`."""
    # Slices and unsigned places, because numba would otherwise test every index for being negative.
    places, row = tables[table_at : table_at + size], weights[weight_at : weight_at + size]
    steps = pool[base : base + RING * size]
    if value == 1:
        for i in range(size):
            steps[np.uint64(places[i])] += row[i]
    else:
        for i in range(size):
            place = np.uint64(places[i])
            steps[place] = np.int32(steps[place] + np.int32(np.int64(row[i]) * value))


DENSE = SynapseKind(lower, (add_rows_of_events, add_few_rows, add_late_rows))
