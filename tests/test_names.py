"""What documents, configurations and docstrings name is there: modules, what is in them, files and commands."""

import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parent.parent
WINGS = ("lava_models", "lapilli", "netx_exports", "scripts", "simulators", "tests", "training")

# They make up modules of their own.
MADE_UP = {HERE, HERE.with_name("test_architecture.py"), HERE.with_name("test_compiled.py")}

# Commands in results/*.csv hold with the commit of their row; golden/make.py with the one that it was run at.
WRITTEN = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("notebooks/*.ipynb"),
    *ROOT.glob("training/configs/*.yaml"),
    *(path for wing in WINGS for path in (ROOT / wing).rglob("*.py") if "golden" not in path.parts),
    ROOT / "pyproject.toml",
]

DOTTED = re.compile(r"\blapilli\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
COMMAND = re.compile(r"python3? -m ([a-z][\w.]*)")
OTHERS = {"pip", "pytest", "venv", "json.tool"}
A_PATH = re.compile(rf"`((?:{'|'.join(WINGS)}|docs|notebooks|results)/[\w./-]+\.(?:py|md|yaml|csv|ipynb|svg))`")
A_FILE = re.compile(r"`([a-z_0-9]+\.py)`")
SUFFIXES_AND_ATTRIBUTES = {"css", "training.__file__"}


def named_in(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Where, and what."""
    for match in pattern.finditer(path.read_text(encoding="utf-8")):
        yield str(path.relative_to(ROOT)), match[1]


def missing_part(dotted: str) -> str | None:
    """The first part of "a.b.c" that the package does not have; None where all are there."""
    place = ROOT / "lapilli"
    for part in dotted.split("."):
        if (place / part).is_dir():
            place /= part
        elif (place / f"{part}.py").is_file():
            place /= f"{part}.py"
        else:
            # What a module has stands in it; what that has in turn, as a method, is not looked for.
            file = place / "__init__.py" if place.is_dir() else place
            return None if re.search(rf"(?<![.\w]){part}\b", file.read_text(encoding="utf-8")) else part
    return None


def test_a_name_that_is_not_there_is_found() -> None:
    assert missing_part("simulators.run.run") is None
    assert missing_part("simulators.nowhere") == "nowhere"
    assert missing_part("netx_exports.reader") == "reader"
    assert missing_part("simulators.run.walk") == "walk"


def test_modules_and_what_is_in_them_are_there() -> None:
    named = {found for path in WRITTEN if path not in MADE_UP for found in named_in(path, DOTTED)}
    assert len(named) > 500
    wrong = [(where, name) for where, name in named if missing_part(name) and name not in SUFFIXES_AND_ATTRIBUTES]
    assert sorted(wrong) == []


def test_names_begin_with_the_package() -> None:
    bare = re.compile(r"`((?:lava_models|netx_exports|simulators|training)\.[a-z_]\w*)")
    assert sorted(found for path in WRITTEN if path not in MADE_UP for found in named_in(path, bare)) == []


def test_commands_name_modules_that_are_there() -> None:
    named = {found for path in WRITTEN for found in named_in(path, COMMAND) if found[1] not in OTHERS}
    assert len(named) > 20
    wrong = [(where, name) for where, name in named if not name.startswith("lapilli") or missing_module(name)]
    assert sorted(wrong) == []


def missing_module(name: str) -> bool:
    file = ROOT.joinpath(*name.split("."))
    return not (file.with_suffix(".py").is_file() or (file / "__main__.py").is_file())


def test_files_that_are_named_are_there() -> None:
    named = {found for path in WRITTEN if path not in MADE_UP for found in named_in(path, A_PATH)}
    assert len(named) > 50
    assert sorted((where, name) for where, name in named if not (ROOT / name).exists()) == []


def test_files_that_documents_name_without_a_folder_are_there() -> None:
    known = {path.name for wing in WINGS for path in (ROOT / wing).rglob("*.py")}
    named = {found for path in WRITTEN if path.suffix == ".md" for found in named_in(path, A_FILE)}
    assert sorted((where, name) for where, name in named if name not in known) == []
