"""Who imports whom, as `CONTRIBUTING.md` has it: no circle, nothing upwards, libraries only where they belong.

Imports are read from the source; nothing is imported. Circles are looked for among the imports that run when a module
is imported. Those inside functions run later and those under TYPE_CHECKING never; they count for all else. A module
does not count as importing the packages that it lies in.
"""

import ast
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from os import walk
from pathlib import Path

import pytest
from long_files import LONG_FILES

ROOT = Path(__file__).parent.parent

WINGS: dict[str, tuple[str, ...]] = {
    "lapilli.netx_exports": (),
    "lapilli.lava_models": ("lapilli.netx_exports",),
    "lapilli.simulators": ("lapilli.netx_exports",),
    "lapilli.training": ("lapilli.netx_exports", "lapilli.simulators"),
}
"""What each wing may import of the package beside itself; the rest of `lapilli` may import all of it."""

WORKERS = (
    "lapilli.simulators.lava.worker",
    "lapilli.simulators.learning.lava_worker",
    "lapilli.simulators.loihi2.worker",
)
"""What child interpreters run, which have Lava."""

EXCEPTIONS = {
    **dict.fromkeys(WORKERS, "lapilli.lava_models"),
    # What Lava cannot run is known without Lava.
    "lapilli.simulators.lava.backend": "lapilli.lava_models.refusals",
    "lapilli.simulators.loihi2.refusals": "lapilli.lava_models.refusals",
}
"""Modules that may import one thing more than their wing."""

LIBRARIES = {
    "torch": ("lapilli.netx_exports.slayer", "lapilli.simulators.bench", "lapilli.training"),
    "lava": (
        "lapilli.lava_models",
        "lapilli.netx_exports.slayer.lava_dl",
        *WORKERS,
        "lapilli.training.networks.slayer",
    ),
    "nir": ("lapilli.netx_exports.nir.writer",),
    "numba": ("lapilli.simulators", "lapilli.training"),
}
"""The only modules and packages that may import a library."""

WITHOUT_LAVA = "lapilli.lava_models.refusals"


@dataclass(frozen=True)
class Import:
    """`module` imports `name`, which is a module; `at_once`: when it is imported itself."""

    module: str
    name: str
    at_once: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.name}"


def imports_below(root: Path) -> list[Import]:
    """All imports of the package `lapilli` in `root`; its wings may be links."""
    files = [Path(folder, name) for folder, _, names in walk(root / "lapilli", followlinks=True) for name in names]
    modules = {module_of(path.relative_to(root)): path for path in files if path.suffix == ".py"}
    return [
        Import(module, name, at_once)
        for module, path in modules.items()
        for node, at_once in import_nodes(ast.parse(path.read_text(encoding="utf-8")), True)
        for name in names_of(node, modules)
    ]


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def import_nodes(node: ast.AST, at_once: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, at_once
    later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    never = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        yield from import_nodes(child, at_once and not later and not never)


def names_of(node: ast.Import | ast.ImportFrom, modules: Container[str]) -> list[str]:
    """The modules that an import names: `from a import b` is of `a.b` where that is a module, else of `a`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "imports are absolute"
    longer = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if name in modules else str(node.module) for name in longer]


def within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def circle(imports: Iterable[Import]) -> list[str]:
    """Modules of a circle, each imported by the next one, the last the first again; empty where there is none."""
    graph: dict[str, set[str]] = {}
    for entry in imports:
        if entry.at_once:
            graph.setdefault(entry.module, set()).add(entry.name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def upward(imports: Iterable[Import]) -> list[str]:
    """Imports of what a wing must not know."""
    found = []
    for entry in imports:
        wing = next((wing for wing in WINGS if within(entry.module, wing)), None)
        if wing is None or not within(entry.name, "lapilli"):
            continue
        known = (wing, *WINGS[wing], EXCEPTIONS.get(entry.module, wing))
        if not within(entry.name, *known):
            found.append(str(entry))
    return found


def misplaced(imports: Iterable[Import]) -> list[str]:
    """Imports of libraries where they must not be."""
    found = []
    for entry in imports:
        library = entry.name.partition(".")[0]
        allowed = within(entry.module, *LIBRARIES.get(library, ("lapilli",)))
        if not allowed or (library == "lava" and within(entry.module, WITHOUT_LAVA)):
            found.append(str(entry))
    return found


@pytest.fixture(scope="module")
def ours() -> list[Import]:
    return imports_below(ROOT)


def test_no_module_imports_itself_through_others(ours: list[Import]) -> None:
    assert circle(ours) == []


def test_no_wing_imports_what_stands_above_it(ours: list[Import]) -> None:
    assert upward(ours) == []


def test_libraries_are_imported_where_they_may_be(ours: list[Import]) -> None:
    assert misplaced(ours) == []


@pytest.mark.parametrize("table", [WINGS, EXCEPTIONS, *LIBRARIES.values()], ids=lambda table: ", ".join(table)[:40])
def test_the_tables_name_what_there_is(ours: list[Import], table: Iterable[str]) -> None:
    for name in table:
        assert any(within(entry.module, name) for entry in ours), name


def imports_in(root: Path, **sources: str) -> list[Import]:
    """Imports of made-up modules; `simulators__fast` is `lapilli/simulators/fast.py`."""
    for name, source in sources.items():
        path = root / "lapilli" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return imports_below(root)


def test_a_circle_is_found(tmp_path: Path) -> None:
    made_up = {"one": "from lapilli import two", "two": "import lapilli.three", "three": "from lapilli.one import name"}
    found = circle(imports_in(tmp_path, **made_up, four="import lapilli.one"))
    assert found[0] == found[-1]
    assert set(found) == {"lapilli.one", "lapilli.two", "lapilli.three"}


@pytest.mark.parametrize(
    "harmless", ["import json", "def later():\n    import lapilli.one", "if TYPE_CHECKING:\n    import lapilli.one"]
)
def test_what_does_not_run_at_once_makes_no_circle(harmless: str, tmp_path: Path) -> None:
    assert circle(imports_in(tmp_path, one="import lapilli.two", two=harmless)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("netx_exports__network", "def late():\n    from lapilli.simulators import run"),
        ("lava_models__graph", "from lapilli.simulators.events import Events"),
        ("simulators__run", "if TYPE_CHECKING:\n    import lapilli.training"),
        ("simulators__lava__client", "import lapilli.lava_models.refusals"),
        ("simulators__lava__backend", "import lapilli.lava_models.graph"),
        ("training__loop", "from lapilli import output"),
    ],
)
def test_an_upward_import_is_found(module: str, source: str, tmp_path: Path) -> None:
    harmless = {"cli": "import lapilli.training", "training__data": "import numpy, lapilli.simulators.events"}
    assert len(upward(imports_in(tmp_path, **harmless, **{module: source}))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("netx_exports__nir__reader", "import nir"),
        ("simulators__fast", "def late():\n    from torch import nn"),
        ("simulators__lava__client", "import lava.magma"),
        ("lava_models__refusals", "import lava.magma"),
        ("netx_exports__network", "import numba"),
    ],
)
def test_a_misplaced_library_is_found(module: str, source: str, tmp_path: Path) -> None:
    harmless = {"training__data": "import torch", "lava_models__graph": "from lava.magma import x, y"}
    assert len(misplaced(imports_in(tmp_path, **harmless, **{module: source}))) == 1


def test_long_files_are_there() -> None:
    assert [name for name in LONG_FILES if not Path(__file__).with_name(name).is_file()] == []
    assert len({*LONG_FILES}) == len(LONG_FILES)
