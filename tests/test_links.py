"""Relative links of all documents lead to files that are there, and to headings that they have; no network."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("changes/*.md")),
    *sorted(ROOT.glob("notebooks/*.ipynb")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(path: Path) -> str:
    """Markdown without code; of a notebook, that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return re.sub(r"^ *```.*?^ *```|`[^`\n]*`", "", text, flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in re.findall(r"^#+ (.+?) *$", text, re.M)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path: Path, text: str) -> Iterator[str]:
    """Links of a text that stands in `path` which lead nowhere."""
    # Sentences in `changes/` will stand in CHANGELOG.md.
    folder = ROOT if path.parent.name == "changes" and path.name != "README.md" else path.parent
    for target in LINK.findall(text):
        if urllib.parse.urlsplit(target).scheme:
            continue
        name, _, anchor = target.partition("#")
        to = (folder / name).resolve() if name else path
        if not to.exists():
            yield f"{target}: no such file"
        elif not to.is_relative_to(ROOT):
            yield f"{target}: leaves the repository"
        elif anchor and anchor not in anchors(to):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_what_is_there(path: Path) -> None:
    assert list(broken(path, text_of(path))) == []


def test_what_is_broken_is_found() -> None:
    text = (
        "[a](docs/nowhere.md) [b](docs/how-to/nir.md#float-networks) [c](docs/how-to/nir.md#nowhere) [d](../x) "
        "[e](https://example.org/nowhere) [f](#nowhere) [g](#installing)"
    )
    found = [phrase.partition(":")[0] for phrase in broken(ROOT / "README.md", text)]
    assert found == ["docs/nowhere.md", "docs/how-to/nir.md#nowhere", "../x", "#nowhere"]


def test_many_links_are_looked_at() -> None:
    followed = [target for path in DOCUMENTS for target in LINK.findall(text_of(path)) if "://" not in target]
    assert len(followed) > 60
