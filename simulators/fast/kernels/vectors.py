"""Vector code of LLVM, which fits it to whatever vectors the machine has, where numba has no words for it."""

from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import intrinsic

LANES = 16
"""Numbers of 32 bits in a long vector."""


def pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Address of an element of an array, for intrinsics."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def everywhere(builder: Any, number: Any, vector: Any) -> Any:
    """A vector of which each element is a number, for intrinsics."""
    lane = builder.insert_element(vector(ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(lane, vector(ir.Undefined), ir.VectorType(ir.IntType(32), vector.count)(None))


@intrinsic
def flags_as_bits(typing, flags, at):
    """32 flags from `at` on as the bits of a number."""

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(8), 32)
        place = pointer(context, builder, signature.args[0], values[0], values[1])
        loaded = builder.load(builder.bitcast(place, vector.as_pointer()), align=1)
        bits = builder.bitcast(builder.icmp_unsigned("!=", loaded, vector(None)), ir.IntType(32))
        return builder.zext(bits, ir.IntType(64))

    return numba.types.uint64(flags, at), generate


@intrinsic
def positive_as_bits(typing, numbers, at):
    """32 numbers of 32 bits from `at` on, as bits: whether each is above 0."""

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(32), 32)
        place = pointer(context, builder, signature.args[0], values[0], values[1])
        loaded = builder.load(builder.bitcast(place, vector.as_pointer()), align=4)
        bits = builder.bitcast(builder.icmp_signed(">", loaded, vector(None)), ir.IntType(32))
        return builder.zext(bits, ir.IntType(64))

    return numba.types.uint64(numbers, at), generate


@intrinsic
def lowest_bit(typing, bits):
    """Number of the lowest bit set; 64 where there is none."""

    def generate(context, builder, signature, values):
        return builder.cttz(values[0], ir.IntType(1)(0))

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def n_bits(typing, bits):
    """How many bits are set."""

    def generate(context, builder, signature, values):
        return builder.ctpop(values[0])

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def leading_zeros(typing, bits):
    """How many of 64 bits stand above the highest one set; 64 where there is none."""

    def generate(context, builder, signature, values):
        return builder.ctlz(values[0], ir.IntType(1)(0))

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def store_eight(typing, numbers, at, eight_bytes, base):
    """Write eight numbers of 32 bits from `at` on: `base` and each of the bytes, the lowest byte first."""

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(32), 8)
        apart = builder.zext(builder.bitcast(values[2], ir.VectorType(ir.IntType(8), 8)), vector)
        first = everywhere(builder, builder.trunc(values[3], ir.IntType(32)), vector)
        place = pointer(context, builder, signature.args[0], values[0], values[1])
        builder.store(builder.add(apart, first), builder.bitcast(place, vector.as_pointer()), align=4)
        return context.get_dummy_value()

    return numba.types.void(numbers, at, numba.types.uint64, numba.types.int64), generate


@intrinsic
def add_below(typing, numbers, added, at, limit):
    """Add `LANES` numbers of 32 bits to others, both from `at` on, up to a limit; how many of the added are not 0."""

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(32), LANES)
        to, source = (
            builder.bitcast(pointer(context, builder, kind, array, values[2]), vector.as_pointer())
            for kind, array in zip(signature.args[:2], values[:2])
        )
        arriving = builder.load(source, align=4)
        total = builder.add(builder.load(to, align=4), arriving)
        highest = everywhere(builder, values[3], vector)
        builder.store(builder.select(builder.icmp_signed(">", total, highest), highest, total), to, align=4)
        bits = builder.bitcast(builder.icmp_unsigned("!=", arriving, vector(None)), ir.IntType(LANES))
        return builder.zext(builder.ctpop(bits), ir.IntType(64))

    return numba.types.int64(numbers, added, at, numba.types.int32), generate
