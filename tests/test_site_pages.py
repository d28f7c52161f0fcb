"""Pages that are made from code and tables: nothing is missing on them, and what they say is so."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from site_pages import commands, configurations, counters, errors, results
from site_pages.carried import ROOT, carried, followed
from site_pages.generated import generated
from site_pages.markdown import anchor

from lapilli import cli, verbs
from lapilli.netx_exports import LapilliError
from lapilli.recipes import RECIPES
from lapilli.simulators.bill.kinds import KINDS

ROW = re.compile(r"^ *\| `(.+?)` \| (.*?) \|", re.M)
SEEDS = "commit,date,machine,seed,command,case,method,test_accuracy,training_seconds,uj_by_x\n"


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_each_verb_has_its_page(verb: str) -> None:
    text = generated()[f"reference/commands/{verb}.md"]()
    headings = re.findall(r"^##? (.+)$", text, re.M)
    inner = [" ".join(pair) for pair in verbs.SUBCOMMANDS if pair[0] == verb]
    assert headings == [f"lapilli {words}" for words in (verb, *inner)]
    assert f"[`{verb}`]({verb}.md)" in generated()["reference/commands/index.md"]()


@pytest.mark.parametrize("words", [("simulate",), ("learn",), ("data", "save"), ("results",)])
def test_each_option_of_help_stands_on_the_page(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*words, "--help"]) == 0
    options = set(re.findall(r"^  (--[\w.-]+)", capsys.readouterr().out, re.M)) - {"--help"}
    assert len(options) > 3
    text = commands.page(words[0])
    shown = {option for option, _ in ROW.findall(text)}
    plain = {option for option in options if "." not in option}
    assert plain - shown == set()
    assert {option.rpartition(".")[2].replace("-", "_") for option in options - plain} - shown == set()


@pytest.mark.parametrize("name", RECIPES)
def test_each_field_of_a_configuration_stands_on_its_page_with_a_sentence(name: str) -> None:
    text = configurations.page(name)
    parts = dict(zip(re.findall(r"^## (.+)$", text, re.M), re.split(r"^## .+$", text, flags=re.M)[1:]))
    parts[""] = re.split(r"^## ", text, flags=re.M)[0]
    sections = configurations.sections(RECIPES[name].options())
    assert [section.place for section in sections] == ["", *[place for place in parts if place]]
    for section in sections:
        found = dict(ROW.findall(parts[section.place]))
        assert list(found) == [field.name for field in fields(section.kind)]
        assert [field for field, sentence in found.items() if not sentence] == []


def test_no_section_of_the_defaults_is_missing() -> None:
    def within(value: object) -> set[type]:
        inner: Iterable[object] = vars(value).values() if is_dataclass(value) else ()
        return {type(value), *(kind for part in inner if is_dataclass(part) for kind in within(part))}

    for name, recipe in RECIPES.items():
        shown = {section.kind for section in configurations.sections(recipe.options())}
        assert within(recipe.options()()) - shown == set(), name
        text = configurations.page(name)
        anchors = {anchor(heading) for heading in re.findall(r"^## (.+)$", text, re.M)}
        links = set(re.findall(r"\[a section\]\(#(.+?)\)", text))
        assert len(links) > 2
        assert links - anchors == set()


def test_type_default_and_unit_are_said() -> None:
    text = configurations.page("train")
    for row in (
        r"| `bin_ms` | [^|]+ | number, 0.001…1000000, or null | null | ms |",
        r"| `max_epochs` | [^|]+ | whole number, at least 1 | 80 | epochs |",
        r"| `keep` | [^|]+ | one of `best`, `last` | `best` |  |",
        r"| `hidden` | [^|]+ | list of: whole number, at least 1 | `[256]` | neurons |",
        r"| `batch_norm` | [^|]+ | true or false | false |  |",
        r"| `conv` | [^|]+ | list of: a section | `[]` |  |",
    ):
        pattern = re.escape(row).replace(re.escape("[^|]+"), "[^|]+")
        assert re.search(f"^{pattern}$", text, re.M), row


def test_every_error_that_is_loaded_stands_on_its_page() -> None:
    def below(kind: type) -> set[str]:
        mine: set[str] = {kind.__name__} if kind.__module__.startswith("lapilli.") else set()
        subclasses: list[type] = kind.__subclasses__()
        return mine.union(*map(below, subclasses))

    shown = {name for name, sentence in ROW.findall(errors.page()) if sentence}
    assert below(LapilliError) - shown == set()
    assert [status for status, _ in errors.exit_statuses()] == ["0", "1", "2", "3", "130", "141"]


def test_every_count_and_every_price_is_there() -> None:
    assert set(KINDS) - dict(ROW.findall(counters.counters_page())).keys() == set()
    text = counters.cost_tables_page()
    assert set(KINDS) - dict(ROW.findall(text)).keys() == set()
    assert re.search(r"^\| `accumulate` \|.* 23\.6 \| 24…35\.5 \|", text, re.M)


def test_every_table_of_results_stands_on_one_page() -> None:
    pages = {path: results.tables_of(path.read_text("utf-8")) for path in (ROOT / "docs").rglob("*.md")}
    shown = sorted(name for found in pages.values() for name in found)
    assert shown == sorted(path.stem for path in (ROOT / "results").glob("*.csv"))
    marks = sum(path.read_text("utf-8").count("<!-- table") for path in pages)
    assert marks == len(shown)
    for path in (path for path, found in pages.items() if found):
        text = results.with_tables(path.read_text("utf-8"), ROOT / "results", "tables")
        assert "<!--" not in text
        assert "Negative result" in text or "What did not help" in text, path


def test_seeds_are_averaged_and_columns_have_units(tmp_path: Path) -> None:
    rows = ["abc,2026,box,0,make it,a,tks,0.9,1200,1.5", "abc,2026,box,1,make it,a,tks,0.8,1400,1.5"]
    (tmp_path / "some.csv").write_text(SEEDS + "\n".join(rows) + "\n", encoding="utf-8")
    mark = "<!-- table: some; columns: method, test_accuracy, training_seconds, uj_by_x -->"
    made = results.with_tables(f"before\n\n{mark}\n\nafter\n", tmp_path, "../tables").splitlines()
    assert made[2] == "| method | test accuracy (%) | training time (s) | energy by x (µJ) | seeds |"
    assert made[3] == "| --- | --: | --: | --: | --- |"
    assert made[4] == "| tks | 85.00 ± 7.1 | 1,300 ± 140 | 1.5 | 2 |"
    assert "File: [some.csv](../tables/some.csv), 2 rows." in made
    assert "    command: `make it`" in made
    assert made[-1] == "after"
    with pytest.raises(ValueError, match=r"results/some\.csv: no column 'nowhere'"):
        results.with_tables("<!-- table: some; columns: nowhere -->", tmp_path, "")


def test_a_long_table_says_that_the_file_has_more(tmp_path: Path) -> None:
    rows = [f"abc,2026,box,0,make it,{number},tks,0.9,1,1" for number in range(70)]
    (tmp_path / "long.csv").write_text(SEEDS + "\n".join(rows) + "\n", encoding="utf-8")
    made = results.with_tables("<!-- table: long; columns: method -->", tmp_path, "x")
    assert made.count("| tks |") == 64
    assert "File: [long.csv](x/long.csv), 70 rows. The file has 6 more." in made


def test_links_follow_files_into_the_site() -> None:
    def there(text: str, at: str) -> str:
        return followed(text, at, carried())

    assert there("[a](../../CONTRIBUTING.md)", "docs/reference/data.md") == "[a](../contributing.md)"
    assert there("[a](docs/how-to/zoo.md#x)", "CONTRIBUTING.md") == "[a](how-to/zoo.md#x)"
    assert there("[a](../how-to/nir.md)", "docs/reference/formats.md") == "[a](../how-to/nir.md)"
    assert there("![a](../../results/shd.csv)", "docs/results/shd.md") == "![a](tables/shd.csv)"
    gone = "docs/nowhere.md"
    named = there(f"`docs/how-to/nir.md`, `{gone}`", "docs/results/index.md")
    assert named == f"[`docs/how-to/nir.md`](../how-to/nir.md), `{gone}`"
    for same in ("[a](https://example.org/docs/x.md)", "[a](#here)", "```\n[a](../../CONTRIBUTING.md)\n```"):
        assert there(same, "docs/reference/data.md") == same
