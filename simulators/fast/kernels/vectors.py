"""Vector code of LLVM, which fits it to whatever vectors the machine has, where numba has no words for it."""

from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import intrinsic


def pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Address of an element of an array, for intrinsics."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


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
