"""Which packages a file needs as soon as it is imported: by its own imports and those of what it imports."""

import ast
import sys
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
        if file not in seen:
            seen.add(file)
            ours, others = _imported(file)
            waiting += ours
            found |= others
    return frozenset(found - set(sys.stdlib_module_names))


@cache
def _imported(path: Path) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Files of this repository, and packages of others, that a file imports itself."""
    ours: list[Path] = []
    others: set[str] = set()
    for name in _names(path):
        files = _files_of(name)
        ours += files
        others |= set() if files else {name.split(".")[0]}
    return tuple(ours), frozenset(others)


def _names(path: Path) -> list[str]:
    """Dotted names that are imported when the file is, those of `from a import b` as "a.b"."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler) and not _later(node):
            waiting += ast.iter_child_nodes(node)
    return names


def _later(node: ast.AST) -> bool:
    """Whether what it imports is imported when it is called, or for types only."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def _files_of(name: str) -> tuple[Path, ...]:
    """Files of this repository that importing a dotted name executes; none where the name is of another package."""
    parts = name.split(".")
    places = [base.joinpath(*parts[:length]) for base in (ROOT, TESTS) for length in range(1, len(parts) + 1)]
    return tuple(
        file for place in places for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()
    )
