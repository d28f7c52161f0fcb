"""Files of the repository that the site has at another place, and links in Markdown that follow them there."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
_MENTION = re.compile(r"(?<!\[)`((?:docs|notebooks|examples)/[\w./-]+\.(?:md|ipynb))`(?!\])")


def carried() -> dict[str, str]:
    """Place in the site by place in the repository, for all that does not lie in `docs/`."""
    fixed = {
        "CHANGELOG.md": "changelog.md",
        "CONTRIBUTING.md": "contributing.md",
        "examples/README.md": "tutorials/examples.md",
    }
    notebooks = {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
    tables = {f"results/{path.name}": f"results/tables/{path.name}" for path in sorted(ROOT.glob("results/*.*"))}
    return fixed | notebooks | tables


def followed(text: str, at: str, places: Mapping[str, str]) -> str:
    """Markdown whose relative links lead to where the site has the files.

    A file of `docs/` that is only named, as `docs/reference/formats.md`, becomes a link.

    Arguments:
        text: Markdown as it stands in the repository.
        at: its path in the repository.
        places: of files beside `docs/`, as `carried` gives them.
    """
    here = posixpath.dirname(_place(at, places))

    def moved(path: str) -> str:
        return posixpath.relpath(_place(path, places), here or ".")

    def link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(at), match[2]))
        return f"{match[1]}{moved(path) if _known(path, places) else match[2]}{match[3] or ''}{match[4]}"

    def mention(match: re.Match[str]) -> str:
        return f"[`{match[1]}`]({moved(match[1])})" if _known(match[1], places) else match[0]

    return "".join(
        part if part.startswith("```") else _MENTION.sub(mention, _LINK.sub(link, part))
        for part in re.split(r"(^```.*?^```)", text, flags=re.M | re.S)
    )


def _place(path: str, places: Mapping[str, str]) -> str:
    return places.get(path, path.removeprefix("docs/"))


def _known(path: str, places: Mapping[str, str]) -> bool:
    return path in places or (path.startswith("docs/") and (ROOT / path).is_file())
