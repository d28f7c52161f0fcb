"""The documentation site is built without a warning, all its links lead somewhere, and nothing is from the network."""

import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed (pip install .[site])")

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?([^\"' >]+)", re.S)
LINKED = re.compile(r"<a\b[^>]*?\bhref=[\"']?([^\"' >]+)")
NAMED = re.compile(r"\b(?:id|name)=[\"']?([^\"' >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = ["build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


@pytest.mark.slow
def test_every_document_is_a_page(site: Path, pages: dict[Path, str]) -> None:
    there = {str(path.relative_to(site)) for path in pages}
    documents = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in ROOT.glob("docs/**/*.md")}
    notebooks = {f"notebooks/{path.stem}.html" for path in ROOT.glob("notebooks/*.ipynb")}
    assert (documents | notebooks | {"contributing.html", "changelog.html", "tutorials/examples.html"}) - there == set()
    assert "lapilli.netx_exports.netx.reader.load" in pages[site / "reference" / "python.html"]


@pytest.mark.slow
def test_nothing_comes_from_the_network(pages: dict[Path, str], site: Path) -> None:
    loaded = {target for text in pages.values() for target in LOADED.findall(text)}
    assert len(loaded) > 20
    assert [target for target in loaded if re.match(r"(?:https?:)?//", target)] == []
    imports = re.compile(r"""(?:@import|\burl\(|\bfrom)\s*["']?https?://[^"')]+""")
    styles = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert [match[0] for text in {**pages, **styles}.values() for match in imports.finditer(text)] == []


@pytest.mark.slow
def test_every_link_leads_somewhere(pages: dict[Path, str]) -> None:
    names = {path: set(NAMED.findall(text)) for path, text in pages.items()}
    wrong = []
    for path, text in pages.items():
        for target in {*LINKED.findall(text), *LOADED.findall(text)}:
            parts = urllib.parse.urlsplit(target)
            # mkdocs writes those of this page from the root, for whatever address was not found.
            if parts.scheme or path.name == "404.html":
                continue
            to = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            to = to / "index.html" if to.is_dir() else to
            anchor = urllib.parse.unquote(parts.fragment)
            if not to.is_file() or (anchor and to in names and anchor not in names[to]):
                wrong.append((path.name, target))
    assert sorted(wrong) == []
