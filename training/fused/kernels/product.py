"""A product of few rows with one matrix, again and again."""

from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils

from lapilli.simulators.compiled import compiled, intrinsic, spliced
from lapilli.training.fused.kernels.vectors import INT64, arrays_of, in_all_lanes, pointer

# A tile of a product that fits the registers: samples, vectors, and numbers in a vector.
_WIDE = binding.get_host_cpu_features().get("avx512f", False)
TILE_ROWS, _TILE_VECTORS, LANES = (8, 3, 16) if _WIDE else (4, 3, 8)
_TILE_COLUMNS = _TILE_VECTORS * LANES


def _tile_sums(builder: Any, lefts: Any, panel: Any, depth: Any, number: int, vector: Any) -> Any:
    """The code of a loop over `depth` that leaves sums, `number` vectors for each of `lefts`, in registers."""
    before = builder.block
    head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(INT64)
    index.add_incoming(INT64(0), before)
    sums = [[builder.phi(vector) for _ in range(number)] for _ in lefts]
    builder.cbranch(builder.icmp_signed("<", index, depth), body, done)
    builder.position_at_end(body)
    start = builder.gep(panel, [builder.mul(index, INT64(number * LANES))])
    columns = [builder.load(pointer(builder, start, INT64(part * LANES), vector), align=4) for part in range(number)]
    kind = ir.FunctionType(vector, [vector] * 3)
    multiply = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")  # type: ignore[no-untyped-call]
    for left, of_row in zip(lefts, sums):
        factors = in_all_lanes(builder, builder.load(builder.gep(left, [index])), vector)
        for column, total in zip(columns, of_row):
            total.add_incoming(vector(None), before)
            total.add_incoming(builder.call(multiply, [factors, column, total]), body)
    index.add_incoming(builder.add(index, INT64(1)), body)
    builder.branch(head)
    builder.position_at_end(done)
    return sums


@intrinsic(prefer_literal=True)
def _multiply_tile(typing, vectors, left, depth, panels, panel_at, out, column):
    """`out[:, column:...]` = `left[:, :depth]` times a panel of packed weights, for TILE_ROWS rows, in registers."""
    if not isinstance(vectors, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        number, vector = vectors.literal_value, ir.VectorType(ir.FloatType(), LANES)
        lefts, packed, outs = arrays_of(context, builder, signature, values, 1, 3, 5)
        left_stride, out_stride = builder.extract_value(lefts.shape, 1), builder.extract_value(outs.shape, 1)
        rows = [builder.gep(lefts.data, [builder.mul(INT64(row), left_stride)]) for row in range(TILE_ROWS)]
        panel = builder.gep(packed.data, [values[4]])
        sums = _tile_sums(builder, rows, panel, values[2], number, vector)
        for row in range(TILE_ROWS):
            start = builder.gep(outs.data, [builder.add(builder.mul(INT64(row), out_stride), values[6])])
            for part in range(number):
                builder.store(sums[row][part], pointer(builder, start, INT64(part * LANES), vector), align=4)
        return context.get_dummy_value()

    return numba.types.void(vectors, left, depth, panels, panel_at, out, column), generate


@compiled
def pack(matrix, panels):
    """Bring a matrix into the order in which `multiply` reads it: panels of columns, padded with zeros."""
    depth, width = matrix.shape
    at, column = 0, 0
    while column < width:
        columns = _TILE_COLUMNS if width - column >= _TILE_COLUMNS else LANES
        for row in range(depth):
            for i in range(columns):
                panels[at] = matrix[row, column + i] if column + i < width else np.float32(0)
                at += 1
        column += columns


@spliced
def multiply(left, width, panels, out):
    """`out` = `left` times the packed matrix of `width` columns, for TILE_ROWS rows."""
    depth = left.shape[1]
    column = np.int64(0)
    while column < width:
        if width - column >= _TILE_COLUMNS:
            _multiply_tile(_TILE_VECTORS, left, depth, panels, column * depth, out, column)
            column += _TILE_COLUMNS
        else:
            _multiply_tile(1, left, depth, panels, column * depth, out, column)
            column += LANES
