"""64 flags as the bits of one number: vectors that are compared, and bits that are found and counted.

numba has no word for the bits of flags: such steps are written as vector code of LLVM.
"""

import numba
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import intrinsic
from lapilli.training.fused.kernels.vectors import INT32, INT64, arrays_of, in_all_lanes, pointer


@intrinsic
def bits_that_differ(typing, values, at, value):
    """64 neighbouring numbers as bits: 1 where they are not `value`."""

    def generate(context, builder, signature, arguments):
        number = ir.VectorType(ir.FloatType(), 64)
        (array,) = arrays_of(context, builder, signature, arguments, 0)
        loaded = builder.load(pointer(builder, array.data, arguments[1], number), align=4)
        differs = builder.fcmp_unordered("!=", loaded, in_all_lanes(builder, arguments[2], number))
        return builder.bitcast(differs, INT64)

    return numba.types.uint64(values, numba.types.int64, numba.types.float32), generate


@intrinsic
def spike_bits(typing, voltages, at, threshold):
    """64 neighbouring voltages as bits: 1 where they reach the threshold."""

    def generate(context, builder, signature, arguments):
        number = ir.VectorType(INT32, 64)
        (array,) = arrays_of(context, builder, signature, arguments, 0)
        loaded = builder.load(pointer(builder, array.data, arguments[1], number), align=4)
        reached = builder.icmp_signed(">=", loaded, in_all_lanes(builder, arguments[2], number))
        return builder.bitcast(reached, INT64)

    return numba.types.uint64(voltages, numba.types.int64, numba.types.int32), generate


@intrinsic
def lowest_bit(typing, bits):
    """Number of the lowest bit set."""

    def generate(context, builder, signature, values):
        return builder.cttz(values[0], ir.IntType(1)(1))

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def number_of_bits(typing, bits):
    """How many bits are set."""

    def generate(context, builder, signature, values):
        return builder.ctpop(values[0])

    return numba.types.int64(numba.types.uint64), generate
