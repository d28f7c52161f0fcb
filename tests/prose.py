"""Sentences of documents and notebooks, and the rules of the house for them.

`python tests/prose.py [FILE …]` lists every sentence that breaks a rule, with its file and line.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
MOST_WORDS = 25

CODE = "`code`"
FORMULA = "`formula`"
_IN_PLACE_OF = {"code_inline": CODE, "softbreak": "\n", "hardbreak": "\n"}
_FORMULAS = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.S)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
_END = re.compile(r"(?<!\bet al)(?<!\be\.g)(?<!\bi\.e)(?<!\bcf)(?<!\bvs)[.!?][)\"”’]*(?=\s)")
_HEADLESS = re.compile(r"What\b[^:?]*:(\s|$)")
_WANTED = re.compile(r"\b(was|were) wanted\b")


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is read: each code span and each formula is one word, a link is its text."""

    place: str
    text: str

    @property
    def n_words(self) -> int:
        """Pieces between blanks that have a letter or a digit."""
        return sum(any(letter.isalnum() for letter in word) for word in self.text.split())


def documents() -> list[Path]:
    """README, CONTRIBUTING, and everything in docs, notebooks and examples that a person reads."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*.md")]
    return sorted([*pages, *ROOT.glob("notebooks/*.ipynb")])


def problems(path: Path) -> list[str]:
    """What breaks a rule in a document, as "file:line: rule: words"."""
    found = [f"{each.place}: {rule}: {each.text}" for each in sentences(path) for rule in broken_rules(each)]
    return found + [f'{place}: the head "{head}" is no noun' for place, head in table_heads(path) if is_headless(head)]


def broken_rules(sentence: Sentence) -> list[str]:
    """The rules of the house that can be told without understanding the sentence."""
    broken = []
    if sentence.n_words > MOST_WORDS:
        broken.append(f"{sentence.n_words} words")
    if len(re.findall(r"[:;](?=\s)", sentence.text)) > 1:
        broken.append("a chain of colons or semicolons")
    if _HEADLESS.match(sentence.text):
        broken.append('a headless "What …"')
    if _WANTED.search(sentence.text):
        broken.append('write "the target is …"')
    return broken


def is_headless(head: str) -> bool:
    """Whether a table's head begins with "what" or its like where a noun belongs."""
    return head.lower().startswith(("what", "where", "why", "how")) and not head.endswith("?")


def sentences(path: Path) -> Iterator[Sentence]:
    """The sentences of paragraphs and list items, in their order; tables, headings, code and formulas have none."""
    for place, token in _inlines(path, "paragraph_open"):
        yield from _split(place, _words(token))


def table_heads(path: Path) -> Iterator[tuple[str, str]]:
    """Where the heads of a document's tables are, and their words."""
    for place, token in _inlines(path, "th_open"):
        yield _named(place, 0), _words(token)


def _inlines(path: Path, parent: str) -> Iterator[tuple[tuple[str, int], Token]]:
    parser = MarkdownIt("commonmark").enable("table")
    for name, text in _texts(path):
        tokens = parser.parse(text)
        for before, token in pairwise(tokens):
            if token.type == "inline" and before.type == parent:
                line = (token.map or before.map or [0])[0]
                yield (name, line + 1), token


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Markdown texts of a file and their names; a notebook has one for each cell."""
    name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        front = _FRONT_MATTER.match(text)
        yield name, "\n" * front[0].count("\n") + text[front.end() :] if front else text
        return
    for number, cell in enumerate(json.loads(text)["cells"]):
        if cell["cell_type"] == "markdown":
            yield f"{name}[{number}]", "".join(cell["source"])


def _words(token: Token) -> str:
    pieces = (_IN_PLACE_OF.get(child.type, child.content) for child in token.children or () if child.type != "image")
    # A formula keeps its line ends, from which the line of the next sentence is counted.
    return _FORMULAS.sub(lambda match: FORMULA + "\n" * match[0].count("\n"), "".join(pieces))


def _split(place: tuple[str, int], text: str) -> Iterator[Sentence]:
    begin = 0
    for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
        words = text[begin:end]
        lines = text[:begin].count("\n") + words[: len(words) - len(words.lstrip())].count("\n")
        if words.split():
            yield Sentence(_named(place, lines), " ".join(words.split()))
        begin = end


def _named(place: tuple[str, int], lines: int) -> str:
    name, first = place
    return f"{name}:{first + lines}"


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or documents()
    listed = [problem for path in chosen for problem in problems(path)]
    print("\n".join(listed))
    sys.exit(bool(listed))
