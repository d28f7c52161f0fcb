"""What the vector code of the kernels is written with, in LLVM's words."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

INT32, INT64 = ir.IntType(32), ir.IntType(64)


def arrays_of(context: Any, builder: Any, signature: Any, values: Any, *numbers: int) -> tuple[Any, ...]:
    """The arrays among the arguments that have these numbers."""
    return tuple(context.make_array(signature.args[number])(context, builder, values[number]) for number in numbers)


def in_all_lanes(builder: Any, value: Any, vector: Any) -> Any:
    """A vector whose numbers are all `value`."""
    first = builder.insert_element(vector(ir.Undefined), value, INT32(0))
    return builder.shuffle_vector(first, vector(ir.Undefined), ir.VectorType(INT32, vector.count)(None))


def pointer(builder: Any, start: Any, offset: Any, vector: Any) -> Any:
    """That to a vector `offset` numbers behind `start`."""
    return builder.bitcast(builder.gep(start, [offset]), vector.as_pointer())
