"""Named tuples of arrays that kernels hand on to each other as one pointer.

numba hands a tuple on by value: each member of each array of it becomes an argument of its own, of every call. A
program and its state, 23 arrays and 7 numbers, are 176 such arguments, and each kernel took a third of a second more to
compile for them.
"""

import hashlib
from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import register_model

from lapilli.simulators.compiled import fields_of, intrinsic, text_hash

# numba has types of its own for some of its functions only.
_cgutils: Any = numba.core.cgutils
_lower_getattr_generic: Any = numba.core.imputils.lower_getattr_generic


class Reference(types.Type):
    """A named tuple that lies in memory; its fields are read by name, those that are named tuples as references."""

    def __init__(self, fields: Any) -> None:
        self.fields = fields
        self.types = (fields,)
        # The tuple's own name lists all of its arrays' types, and would be part of the name of every kernel. What is
        # kept on disk by this name was compiled with this file.
        facts = str(fields), *fields_of(self.types), text_hash(__file__)
        digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
        super().__init__(f"Reference({fields.instance_class.__name__}, {digest})")


@register_model(Reference)
class _Pointer(models.PrimitiveModel):
    """The address of the tuple."""

    def __init__(self, manager: Any, reference: Reference) -> None:
        pointer = ir.PointerType(manager.lookup(reference.fields).get_value_type())
        super().__init__(manager, reference, pointer)  # type: ignore[no-untyped-call]


@intrinsic
def by_reference(typing_context: Any, fields: Any) -> Any:
    """A named tuple as a `Reference`, which lives as long as the call of the kernel in which this stands."""

    def place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _cgutils.alloca_once_value(builder, arguments[0])

    return (Reference(fields)(fields), place) if isinstance(fields, types.BaseNamedTuple) else None


@infer_getattr
class _Fields(AttributeTemplate):
    """Types of a reference's fields."""

    key = Reference

    def generic_resolve(self, reference: Any, name: Any) -> Any:  # type: ignore[override]
        """A field of that name; None where there is none."""
        if name not in reference.fields.fields:
            return None
        found = reference.fields.types[reference.fields.fields.index(name)]
        return Reference(found) if isinstance(found, types.BaseNamedTuple) else found


@_lower_getattr_generic(Reference)
def _field(context: Any, builder: Any, reference: Reference, address: Any, name: str) -> Any:
    """Read a field; of one that is a named tuple, its address."""
    number = reference.fields.fields.index(name)
    place = _cgutils.gep_inbounds(builder, address, 0, number)
    nested = isinstance(reference.fields.types[number], types.BaseNamedTuple)
    return place if nested else builder.load(place)


def address_of(function: Any, *arguments: Any) -> int:
    """Where the machine code of a compiled function begins, in this process; it is compiled if it is not yet.

    Arguments:
        function: what `compiled` made.
        arguments: numba types of its arguments.
    """
    function.compile(arguments)
    found = function.overloads[arguments]
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


def type_of(value: Any) -> Any:
    """numba's type of a value."""
    return numba.typeof(value)  # type: ignore[no-untyped-call]


def call_address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Code of an intrinsic: call what begins at the first argument and returns nothing, with the other arguments.

    The caller is compiled without what it calls. numba would otherwise compile a function again into each that calls
    it, however deep.
    """
    types_of_others = signature.args[1:]
    form = context.call_conv.get_function_type(types.none, types_of_others)
    callee = builder.inttoptr(arguments[0], ir.PointerType(form))
    status, _ = context.call_conv.call_function(builder, callee, types.none, types_of_others, arguments[1:])
    with _cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return context.get_dummy_value()
