"""Fields that are one of several configurations, told apart by the name in each."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

NAME = "name"


class Named:
    """Annotation of a union of configurations: in a file the name decides; code may give any object of the base class.

    Arguments:
        base: class of all of them, and of those that somebody adds; or several.
    """

    def __init__(self, base: type | tuple[type, ...]) -> None:
        self.base = base

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """What pydantic asks an annotation for."""
        kinds = {name: handler.generate_schema(kind) for name, kind in kinds_of(source).items()}
        words = " or ".join(kind.__name__ for kind in (self.base if isinstance(self.base, tuple) else (self.base,)))
        from_file = core_schema.tagged_union_schema(kinds, discriminator=NAME)
        return core_schema.json_or_python_schema(from_file, core_schema.is_instance_schema(self.base, cls_repr=words))


def one_of(kinds: Sequence[type], base: type) -> Any:
    """The annotation of a field that is one of these configurations in a file, and any object of `base` in code."""
    return Annotated[reduce(or_, kinds), Named(base)]


def kinds_of(union: Any) -> dict[str, type]:
    """The members of a union of configurations by their names; empty for anything else."""
    found = {name_of(member): member for member in get_args(union)}
    return {name: kind for name, kind in found.items() if name is not None}


def name_of(kind: Any) -> str | None:
    """The default of a configuration's field `name`."""
    for field in fields(kind) if hasattr(kind, "__dataclass_fields__") else ():
        if field.name == NAME and field.default is not MISSING:
            return str(field.default)
    return None
