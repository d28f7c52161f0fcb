"""Documents and notebooks are in plain English: short sentences, no chains, heads of tables that are nouns."""

from pathlib import Path

import pytest
from prose import documents, problems, sentences, table_heads

PAGE = """---
title: Words of the front matter are not prose: none; none; none
---
# A heading is not a sentence: at all; never

The first sentence has six words. `code = f(x; y)` is one word,
e.g. here. [A link](https://example.org/a/long/path) is its text (Yan et al. 2024).

* **mark**: an item is a sentence
* $a = b$ is one word!

| count | meaning |
|---|---|
| cells: short; phrases: free | here |

    code: is; not: prose
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_sentences_of_a_page(page: Path) -> None:
    assert [(each.place, each.text, each.n_words) for each in sentences(page)] == [
        ("page.md:6", "The first sentence has six words.", 6),
        ("page.md:6", "`code` is one word, e.g. here.", 6),
        ("page.md:7", "A link is its text (Yan et al. 2024).", 9),
        ("page.md:9", "mark: an item is a sentence", 6),
        ("page.md:10", "`formula` is one word!", 4),
    ]
    assert [head for _, head in table_heads(page)] == ["count", "meaning"]
    assert problems(page) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" ".join(["word"] * 26) + ".", "26 words"),
        ("One thing: another; a third.", "a chain of colons or semicolons"),
        ("What was measured: nothing.", 'a headless "What …"'),
        ("A factor of 1.5 was wanted.", "the target is"),
        ("| what | bar |\n|---|---|\n| a | b |", 'the head "what" is no noun'),
    ],
)
def test_what_breaks_a_rule_is_found(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"A good line: it ends here.\n\n{text}\n", encoding="utf-8")
    (found,) = problems(path)
    assert found.startswith("page.md:3: ")
    assert rule in found


@pytest.mark.parametrize(
    "text",
    [
        " ".join(["word"] * 25) + ".",
        "What you trained is what ran.",
        "What ran? It ran: here.",
        "A ratio of 3:4; no more.",
    ],
)
def test_what_breaks_none_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    assert problems(path) == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_documents_are_in_plain_english(path: Path) -> None:
    assert problems(path) == []
