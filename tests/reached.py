"""Which packages a file needs as soon as it is imported: by its own imports and those of what it imports."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent


def packages_needed(path: Path) -> frozenset[str]:
    """Top-level names of the packages of others, outside of the standard library, that importing the file imports."""
    seen: set[Path] = set()
    found: set[str] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _imported(file):
            files = list(_files_of(name))
            waiting += files
            found |= set() if files else {name.split(".")[0]}
    return frozenset(found - set(sys.stdlib_module_names))


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Dotted names that are imported when the file is, those of `from a import b` as "a.b"."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif not (_only_for_types(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return tuple(names)


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _files_of(name: str) -> Iterator[Path]:
    """Files of this repository that importing a dotted name executes; none where the name is of another package."""
    parts = name.split(".")
    for base in (ROOT, TESTS):
        for length in range(1, len(parts) + 1):
            place = base.joinpath(*parts[:length])
            for file in (place / "__init__.py", place.with_suffix(".py")):
                if file.is_file():
                    yield file
