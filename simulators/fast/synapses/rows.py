"""Adding rows of weights to sums, as several kinds of synapse do it."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import compiled, intrinsic, spliced
from lapilli.simulators.fast.kernels.vectors import everywhere, pointer


def _block_of(n: int) -> Any:
    """The code of a block of `n` columns, with factors where there is an argument for them."""

    def generate(context, builder, signature, values):
        array_types = signature.args
        stored = context.get_data_type(array_types[3].dtype)
        stored_row = ir.VectorType(stored, n)
        word, sums, int64 = ir.VectorType(ir.IntType(32), n), ir.VectorType(ir.IntType(16), n), ir.IntType(64)
        to = pointer(context, builder, array_types[1], values[1], values[2])
        weights_from = pointer(context, builder, array_types[3], values[3], values[4])
        listed = pointer(context, builder, array_types[6], values[6], int64(0))
        before = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        index, total_so_far = builder.phi(int64), builder.phi(sums)
        index.add_incoming(values[7], before)
        total_so_far.add_incoming(sums(None), before)
        builder.cbranch(builder.icmp_signed("<", index, values[8]), body, done)
        builder.position_at_end(body)
        source = builder.sext(builder.load(builder.gep(listed, [index])), int64)
        place = builder.gep(weights_from, [builder.mul(source, values[5])])
        added = builder.load(builder.bitcast(place, stored_row.as_pointer()), align=1)
        if stored.width < 16:
            added = builder.sext(added, sums)
        if len(values) > 9:
            factors = pointer(context, builder, array_types[9], values[9], int64(0))
            factor = builder.trunc(builder.load(builder.gep(factors, [index])), ir.IntType(16))
            added = builder.mul(added, everywhere(builder, factor, sums))
        total_so_far.add_incoming(builder.add(total_so_far, added), body)
        index.add_incoming(builder.add(index, int64(1)), body)
        builder.branch(head)
        builder.position_at_end(done)
        to = builder.bitcast(to, word.as_pointer())
        builder.store(builder.add(builder.load(to, align=4), builder.sext(total_so_far, word)), to, align=4)
        return context.get_dummy_value()

    return generate


@intrinsic(prefer_literal=True)
def _add_block(typing, width, total, total_at, weights, weight_at, row, sources, first, last):
    """Add `width` columns of the rows of the sources `first`…`last - 1` to `total`, held in registers as int16."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None
    arguments = (width, total, total_at, weights, weight_at, row, sources, first, last)
    return numba.types.void(*arguments), _block_of(width.literal_value)


@intrinsic(prefer_literal=True)
def _add_valued_block(typing, width, total, total_at, weights, weight_at, row, sources, first, last, factors):
    """As `_add_block`, each row times the factor that stands where its source does."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None
    arguments = (width, total, total_at, weights, weight_at, row, sources, first, last, factors)
    return numba.types.void(*arguments), _block_of(width.literal_value)


@spliced
def add_rows(total, weights, weight_at, row, sources, rows_at_once):
    """Add one row of weights for each source; no more than `rows_at_once`, which fit int16, before widening."""
    n, first = np.int64(len(sources)), np.int64(0)
    while first < n:
        last = min(n, first + rows_at_once)
        at = np.int64(0)
        while at + 256 <= row:
            _add_block(256, total, at, weights, weight_at + at, row, sources, first, last)
            at += 256
        if at + 128 <= row:
            _add_block(128, total, at, weights, weight_at + at, row, sources, first, last)
            at += 128
        while at + 64 <= row:
            _add_block(64, total, at, weights, weight_at + at, row, sources, first, last)
            at += 64
        if at < row:
            _add_block(32, total, at, weights, weight_at + at, row, sources, first, last)
        first = last


@spliced
def add_valued_rows(total, weights, weight_at, row, sources, factors, rows_at_once):
    """Add one row of weights times a factor for each source; so many at once that their sum is certain to fit int16."""
    n, first = np.int64(len(sources)), np.int64(0)
    while first < n:
        last, room = first, np.int64(rows_at_once)
        while last < n and abs(np.int64(factors[last])) <= room:
            room -= abs(np.int64(factors[last]))
            last += 1
        if last == first:
            add_run(total, weights, weight_at + np.int64(sources[first]) * row, row, np.int64(factors[first]))
            first += 1
            continue
        at = np.int64(0)
        while at + 256 <= row:
            _add_valued_block(256, total, at, weights, weight_at + at, row, sources, first, last, factors)
            at += 256
        if at + 128 <= row:
            _add_valued_block(128, total, at, weights, weight_at + at, row, sources, first, last, factors)
            at += 128
        while at + 64 <= row:
            _add_valued_block(64, total, at, weights, weight_at + at, row, sources, first, last, factors)
            at += 64
        if at < row:
            _add_valued_block(32, total, at, weights, weight_at + at, row, sources, first, last, factors)
        first = last


@compiled
def add_run(total, weights, weight_at, size, value):
    """Add one contiguous run of weights times an event's value."""
    run = weights[weight_at : weight_at + size]
    if value == 1:
        for i in range(size):
            total[i] += run[i]
    else:
        for i in range(size):
            total[i] = np.int32(total[i] + np.int32(np.int64(run[i]) * value))
