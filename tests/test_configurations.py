"""Configurations: what their values may be, how all that is wrong is named at once, and what old files mean."""

import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.simulators.configurations import (
    ConfigurationError,
    Named,
    as_plain,
    configuration,
    configured,
    read_options,
    read_section,
    refuse,
    with_changes,
)
from lapilli.simulators.configurations.ranges import AboveZero, AtLeastZero, Bounds, Count, Natural, Share, within
from lapilli.simulators.learning import HiddenRule, LearningConfig, Term
from lapilli.training.networks.network import NetworkConfig


@configuration("part.one")
@dataclass(frozen=True)
class One:
    """A kind."""

    name: Literal["one"] = "one"
    share: Share = 0.5


@configuration("part")
@dataclass(frozen=True)
class Two:
    """Another kind."""

    name: Literal["two"] = "two"
    sizes: tuple[Count, ...] = (3,)


@configuration("")
@dataclass(frozen=True)
class Whole:
    """A file."""

    part: Annotated[One | Two, Named((One, Two))] | None = None
    two: Two = field(default_factory=Two)
    rate: AboveZero = 1.0
    cost: AtLeastZero = 0.0
    seed: Natural = 0
    bits: Annotated[int, within(1, 8)] | None = None
    pair: tuple[float, float] = (0.0, 1.0)
    many: tuple[One, ...] = ()
    flag: bool = False
    where: Path | None = None

    def __post_init__(self) -> None:
        refuse(["pair: must rise", "rate: is too much for it"] if self.pair[0] > self.pair[1] else [])


def complaint(content: dict[str, Any]) -> str:
    with pytest.raises(LapilliError) as caught:
        configured(Whole, content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"rate": 0}, "rate: must be above 0, got 0"),
        ({"rate": float("nan")}, "rate: must be finite, got nan"),
        ({"cost": float("inf")}, "cost: must be finite, got inf"),
        ({"cost": -1.5}, "cost: must be at least 0, got -1.5"),
        ({"rate": True}, "rate: must be a number, got True"),
        ({"rate": "fast"}, "rate: must be a number, got 'fast'"),
        ({"seed": True}, "seed: must be a whole number, got True"),
        ({"seed": 1.0}, "seed: must be a whole number, got 1.0"),
        ({"flag": 1}, "flag: must be true or false, got 1"),
        ({"flag": None}, "flag: must be true or false, got None"),
        ({"bits": 9}, "bits: must be 1…8, got 9"),
        ({"where": 3}, "where: must be text, got 3"),
        ({"pair": [1]}, "pair[1]: missing"),
        ({"pair": 1}, "pair: must be a list, got 1"),
        ({"pair": [2, 1]}, "pair: must rise; rate: is too much for it"),
        ({"two": {"sizes": [1, 0]}}, "two.sizes[1]: must be at least 1, got 0"),
        ({"two": [1]}, "two: must be a mapping of options, got [1]"),
        ({"many": [{}, {"share": 2}]}, "many[1].share: must be 0…1, got 2"),
        ({"part": {"share": 1}}, "part.name: missing; must be one of one, two"),
        ({"part": "three"}, "part.name: missing; must be one of one, two"),
        ({"part": {"name": "three"}}, "part.name: must be one of one, two, got 'three'"),
        ({"part": {"name": "two", "share": 1}}, "part: two has no option share; it has name, sizes"),
        ({"part": {"name": "one", "share": 3}}, "part.share: must be 0…1, got 3"),
        ({"two": {"size": 1}}, "two has no option size; did you mean sizes?"),
        ({"Rate": 1}, "there is no option Rate; did you mean rate?"),
        ({"Xyz": 1}, f"there is no option Xyz; there are {', '.join(field.name for field in fields(Whole))}"),
        ({"seed": -1, "rate": -1, "x": 1}, "rate: must be above 0, got -1; seed: must be at least 0, got -1; there is"),
    ],
)
def test_every_wrong_value_is_named(content: dict[str, Any], words: str) -> None:
    assert complaint(content).startswith(words)
    with pytest.raises(FormatError, match=r"^file\.yaml: ") as caught:
        configured(Whole, content, "file.yaml")
    assert str(caught.value) == f"file.yaml: {complaint(content)}"
    assert "\n" not in str(caught.value)


def test_what_may_stand_in_a_file() -> None:
    content = "{part: {name: two, sizes: [4, 5]}, rate: 1e-3, cost: 2, pair: [0, 1], flag: yes, where: a/b, many: [{}]}"
    found = configured(Whole, yaml.safe_load(content))
    assert found == Whole(Two(sizes=(4, 5)), rate=0.001, cost=2.0, flag=True, where=Path("a/b"), many=(One(),))
    assert isinstance(found.cost, float)
    assert configured(Whole, yaml.safe_load(yaml.safe_dump(as_plain(found)))) == found
    assert configured(Whole, {}) == Whole()


def test_a_section_changes_the_default_of_its_field() -> None:
    found = configured(LearningConfig, {"hidden": {"causal": {"exponent": 3}, "pre_tau": 5}, "seed": 1})
    assert found == LearningConfig(HiddenRule(Term(-1, 3), pre_tau=5), seed=1)
    with pytest.raises(LapilliError, match=r"^conv\[0\]\.channels: missing$"):
        configured(NetworkConfig, {"conv": [{"kernel": 3}]})


def test_a_value_that_contains_itself_is_refused() -> None:
    for text in ("part: &a {name: *a}", "pair: &a [*a]"):
        assert complaint(yaml.safe_load(text)).startswith("cannot be read (")


def test_code_is_told_the_same() -> None:
    for make, words in (
        (lambda: One(share=2), "part.one.share: must be 0…1, got 2"),
        (lambda: replace(Two(), sizes=(0,)), r"part.sizes\[0\]: must be at least 1, got 0"),
        (lambda: Whole(rate=-1, seed=-1), "rate: must be above 0, got -1; seed: must be at least 0, got -1"),
        (lambda: Whole(part=3), "part: must be a One or Two, got 3"),  # type: ignore[arg-type]
        (lambda: Two("two", (True,)), r"part.sizes\[0\]: must be a whole number, got True"),
        (lambda: Whole(fly=1), "there is no option fly; there are part, two, "),  # type: ignore[call-arg]
        (lambda: with_changes(Whole, None, {"seed": -1}), "seed: must be at least 0, got -1"),
        (lambda: with_changes(Whole, Two(), {}), "options: must be Whole, got Two; parts are given by name"),
    ):
        with pytest.raises(ConfigurationError, match=f"^{words}"):
            make()


def test_configurations_are_frozen_and_equal_by_value() -> None:
    made = Whole(pair=[0, 1], bits=3)  # type: ignore[arg-type]
    assert made == Whole(bits=3)
    assert hash(made) == hash(Whole(bits=3))
    with pytest.raises(FrozenInstanceError):
        made.rate = 2  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301
    assert asdict(made)["part"] is None
    assert with_changes(Whole, made, {"seed": 4}) == Whole(bits=3, seed=4)
    error = ConfigurationError("part", ["part.a: b", "c: d"])
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "part.a: b; c: d"  # noqa: S301


def test_a_section_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"^f: two: section missing$"):
        read_section({"two": 3}, "two", Two, "f")
    with pytest.raises(FormatError, match=r"^f: two\.sizes: must be a list, got None; two has no option a; it has "):
        read_section({"two": {"sizes": None, "a": 1}}, "two", Two, "f")
    file = tmp_path / "a.yaml"
    file.write_text("seed: 3\nother: 1\n")
    assert read_options(file, Whole, ("other",)) == Whole(seed=3)
    with pytest.raises(FormatError, match=r"a\.yaml: there is no option other; did you mean where\?"):
        read_options(file, Whole)


@pytest.mark.parametrize(
    ("bounds", "words", "inside", "outside"),
    [
        (Bounds(0, 1), "0…1", (0, 1), (-0.1, 1.1)),
        (Bounds(0, above=True), "above 0", (0.1,), (0, -1)),
        (Bounds(0, 1, below=True), "at least 0 and below 1", (0, 0.9), (1, -1)),
        (Bounds(high=2.5), "at most 2.5", (-9, 2.5), (2.6,)),
    ],
)
def test_bounds(bounds: Bounds, words: str, inside: tuple[float, ...], outside: tuple[float, ...]) -> None:
    assert str(bounds) == words
    assert [bounds(value) for value in inside] == list(inside)
    for value in outside:
        with pytest.raises(ValueError, match=f"^must be {words}$"):
            bounds(value)
