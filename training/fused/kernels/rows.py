"""Sums of rows of weights or gradients: those of one step, and those of one input."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import intrinsic, spliced
from lapilli.training.fused.kernels.vectors import INT64, arrays_of, pointer

# So many quantised weights, of 8 bits, have a sum of 16 bits.
_ROWS_AT_ONCE = 255


@spliced
def copy(source, target):
    """Write `source` into `target`."""
    # An assignment of slices makes numba ask for its runtime, in case they overlap.
    for i in range(len(target)):
        target[i] = source[i]


@spliced
def add_scaled(target, row, factor):
    """Add a row of integers times a factor, in 32 bits."""
    for i in range(len(target)):
        target[i] = np.int32(target[i] + np.int32(np.int32(row[i]) * factor))


@spliced
def add_times(target, row, factor):
    """Add a row of real numbers times a factor."""
    for i in range(len(target)):
        target[i] += factor * row[i]


def _sum_in_pairs(builder: Any, row: Any, add: Any, summed: Any, first: Any, last: Any) -> Any:
    """The code of a loop from `first` to `last` that leaves the sum of `row(index)` in a register."""
    before = builder.block
    odd, head, body, done = (builder.append_basic_block(name) for name in ("odd", "head", "body", "done"))
    rest = builder.and_(builder.sub(last, first), INT64(1))
    builder.cbranch(builder.icmp_signed("!=", rest, INT64(0)), odd, head)
    builder.position_at_end(odd)
    single, second = row(first), builder.add(first, INT64(1))
    builder.branch(head)
    builder.position_at_end(head)
    index, sums = builder.phi(INT64), builder.phi(summed)
    index.add_incoming(first, before)
    index.add_incoming(second, odd)
    sums.add_incoming(summed(None), before)
    sums.add_incoming(single, odd)
    builder.cbranch(builder.icmp_signed("<", index, last), body, done)
    builder.position_at_end(body)
    pair = add(row(index), row(builder.add(index, INT64(1))))
    sums.add_incoming(add(sums, pair), body)
    index.add_incoming(builder.add(index, INT64(2)), body)
    builder.branch(head)
    builder.position_at_end(done)
    return sums


@intrinsic(prefer_literal=True)
def _add_block(typing, width, target, column, rows, chosen, first, last):
    """Add `width` columns of the rows `chosen[first:last]` to `target`; their sums stay in registers.

    Integers are summed in 16 bits; real numbers from 0 on, two rows at once, which is quicker and rounds less.
    """
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        targets, weights, numbers = arrays_of(context, builder, signature, values, 1, 3, 4)
        total_type, stored_type = (context.get_data_type(signature.args[number].dtype) for number in (1, 3))
        real, count = isinstance(signature.args[1].dtype, numba.types.Float), width.literal_value
        stored, total = ir.VectorType(stored_type, count), ir.VectorType(total_type, count)
        summed = total if real else ir.VectorType(ir.IntType(16), count)
        stride = builder.extract_value(weights.shape, 1)

        def row(index: Any) -> Any:
            source = builder.sext(builder.load(builder.gep(numbers.data, [index])), INT64)
            offset = builder.add(builder.mul(source, stride), values[2])
            added = builder.load(pointer(builder, weights.data, offset, stored), align=4 if real else 1)
            return added if real else builder.sext(added, summed)

        place = pointer(builder, targets.data, values[2], total)
        add = builder.fadd if real else builder.add
        sums = _sum_in_pairs(builder, row, add, summed, values[5], values[6])
        found = sums if real else builder.sext(sums, total)
        builder.store(add(builder.load(place, align=4), found), place, align=4)
        return context.get_dummy_value()

    return numba.types.void(width, target, column, rows, chosen, first, last), generate


@spliced
def add_rows(target, rows, chosen, number):
    """Add the rows `chosen[:number]`, integers, to `target`."""
    first = np.int64(0)
    while first < number:
        last = min(number, first + _ROWS_AT_ONCE)
        column = 0
        while column + 64 <= len(target):
            _add_block(64, target, column, rows, chosen, first, last)
            column += 64
        while column + 16 <= len(target):
            _add_block(16, target, column, rows, chosen, first, last)
            column += 16
        while column + 4 <= len(target):
            _add_block(4, target, column, rows, chosen, first, last)
            column += 4
        while column < len(target):
            _add_block(1, target, column, rows, chosen, first, last)
            column += 1
        first = last


@spliced
def add_ordered(ends, steps, gradients, weight_gradient):
    """Add the gradients (steps, neurons) of the steps of each input's events, which end at `ends`, to its weights'.

    Some columns of all inputs first, so that those of the gradients stay in the cache.
    """
    column = 0
    while column < weight_gradient.shape[1]:
        left = weight_gradient.shape[1] - column
        begin = np.int64(0)
        for source in range(len(ends)):
            end = np.int64(ends[source])
            if end > begin:
                row = weight_gradient[source]
                if left >= 64:
                    _add_block(64, row, column, gradients, steps, begin, end)
                elif left >= 16:
                    _add_block(16, row, column, gradients, steps, begin, end)
                elif left >= 4:
                    _add_block(4, row, column, gradients, steps, begin, end)
                else:
                    _add_block(1, row, column, gradients, steps, begin, end)
            begin = end
        column += 64 if left >= 64 else 16 if left >= 16 else 4 if left >= 4 else 1
