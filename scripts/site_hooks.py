"""What mkdocs calls while it builds the site (`hooks` in `mkdocs.yml`): pages from code, tables, files from elsewhere.

mkdocs finds the package `site_pages` because it puts the folder of this file on the path.
"""

import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from site_pages.carried import ROOT, carried, followed
from site_pages.generated import generated
from site_pages.results import with_tables

_FROM_THE_NETWORK = re.compile(r"<script\b(?:(?!</script>).)*?https://(?:(?!</script>).)*</script>", re.S)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In the navigation, "folder/*" stands for all generated pages of the folder."""
    config.nav = _expanded(config.nav, list(generated()))
    return config


# Before mkdocs-jupyter, which looks for notebooks then.
@event_priority(100)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add generated pages, and files that do not lie in `docs/`."""
    for source, place in carried().items():
        # mkdocs-jupyter takes no file whose place in the site is another one than in its folder.
        same = File(place, str(ROOT), config.site_dir, config.use_directory_urls)
        files.append(same if place == source else File.generated(config, place, abs_src_path=str(ROOT / source)))
    for place, make in generated().items():
        files.append(File.generated(config, place, content=make()))
    return files


@event_priority(100)
def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Tables of results in the place of their marks; links that lead out of `docs/` to where the site has the file."""
    at = page.file.src_uri
    homes = {place: source for source, place in carried().items()}
    depth = at.count("/")
    text = with_tables(text, ROOT / "results", "../" * depth + "results/tables")
    return followed(text, homes.get(at, f"docs/{at}"), carried())


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Notebooks without the scripts that nbconvert would fetch from the network: none has formulas."""
    return _FROM_THE_NETWORK.sub("", html) if page.file.src_uri.endswith(".ipynb") else html


def _expanded(nav: Any, places: list[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(entry, places) for title, entry in nav.items()}
    if isinstance(nav, list):
        return [made for entry in nav for made in _items(entry, places)]
    return nav


def _items(entry: Any, places: list[str]) -> list[Any]:
    if isinstance(entry, str) and entry.endswith("/*"):
        found = [place for place in places if place.startswith(entry[:-1])]
        return [place if place.endswith("index.md") else {_title(place): place} for place in found]
    return [_expanded(entry, places)]


def _title(place: str) -> str:
    """What the navigation calls the page of a command, or of its configuration."""
    return f"lapilli {place.rpartition('/')[2].removesuffix('.md').replace('_', ' ')}"
