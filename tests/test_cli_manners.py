"""Manners of the command line: versions, mistyped verbs, lists without brackets, kinds by name, recipes in the help."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import lapilli
from lapilli import cli, verbs
from lapilli.configs import packaged_for, read_config
from lapilli.parser import bracketed
from lapilli.recipes import RECIPES
from lapilli.simulators.configurations import configured
from lapilli.simulators.files.plain_yaml import parse_yaml
from lapilli.training.methods import TksConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.words import changed


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("word", ["--version", "version"])
def test_version(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert call(capsys, word) == (0, f"lapilli {lapilli.__version__}\n", "")


def test_help_is_a_word_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "help") == call(capsys, "--help")
    assert call(capsys, "help", "inspect") == call(capsys, "inspect", "--help")
    status, out, _ = call(capsys, "help", "train", "stllr")
    assert status == 0
    assert "usage: lapilli train stllr" in out


@pytest.mark.parametrize(("typed", "meant"), [("simulat", "simulate"), ("profil", "profile"), ("pluot", "plot")])
def test_a_mistyped_verb_is_recognised(capsys: pytest.CaptureFixture[str], typed: str, meant: str) -> None:
    assert call(capsys, typed) == (2, "", f"lapilli: unknown command {typed!r}; did you mean {meant}?\n")


def test_a_verb_like_none_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, "fly")
    assert status == 2
    assert err == f"lapilli: unknown command 'fly'; commands are {', '.join(verbs.COMMANDS)}\n"


def test_help_lists_recipes_and_their_configurations(capsys: pytest.CaptureFixture[str]) -> None:
    overview = call(capsys, "--help")[1]
    for first, second in verbs.SUBCOMMANDS:
        assert f"    {first} {second} " in overview
    for name in RECIPES:
        assert packaged_for(name)
        # Lines end at hyphens too.
        out = "".join(call(capsys, *name.split("_"), "--help")[1].split())
        assert all(known in out for known in packaged_for(name))


def test_every_packaged_configuration_is_of_one_recipe() -> None:
    named = [known for name in RECIPES for known in packaged_for(name)]
    folder = Path(str(files("lapilli.training"))) / "configs"
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.yaml"))
    for name in RECIPES:
        for known in packaged_for(name):
            configured(RECIPES[name].options(), read_config(known))


def options(*words: str, content: Any = None) -> Options:
    section, rest = changed(Options, content or {}, words)
    assert rest == []
    return configured(Options, section)


@pytest.mark.parametrize(
    ("text", "found"), [("64", (64,)), ("64,128", (64, 128)), ("[64, 128]", (64, 128)), ("[]", ())]
)
def test_lists_of_options_on_the_command_line_and_in_files(text: str, found: tuple[int, ...]) -> None:
    from_words = options("--network.hidden", text).network
    from_file = options(content={"network": {"hidden": parse_yaml(text, "file")}}).network
    assert isinstance(from_words, NetworkConfig)
    assert isinstance(from_file, NetworkConfig)
    assert from_words.hidden == from_file.hidden == found


def test_pairs_and_words() -> None:
    network = options("--network.delays", "9", "--network.initial_delays", "0.5,2").network
    assert isinstance(network, NetworkConfig)
    assert network.initial_delays == (0.5, 2.0)
    assert options("--data.split.validation_groups", "3").data.split.validation_groups == (3,)


def test_a_kind_by_its_name_alone() -> None:
    assert options("--method", "tks").method == TksConfig()
    assert options(content={"method": "tks"}).method == TksConfig()
    assert options("--method.alpha", "0.3", content={"method": "tks"}).method == TksConfig(alpha=0.3)
    assert options("--method", "tks", "--method.alpha", "0.3").method == TksConfig(alpha=0.3)


def example(*, names: list[str] | None = None, sizes: list[int] = [1], text: str = "") -> None:  # noqa: B006
    """As a command."""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--names", "a,b"], ["--names", "[a,b]"]),
        (["--names=a", "--sizes", "64"], ["--names=[a]", "--sizes", "[64]"]),
        (["--sizes", "[64,128]", "--text", "1,2"], ["--sizes", "[64,128]", "--text", "1,2"]),
        (["--sizes", "--text", "x"], ["--sizes", "--text", "x"]),
        (["--names", "null", "model.net"], ["--names", "null", "model.net"]),
    ],
)
def test_lists_of_a_command(words: list[str], found: list[str]) -> None:
    assert bracketed(example, words) == found


def test_a_list_reaches_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, "bench", "simulate", "--hidden", "0", "--parts", "start")
    assert status == 2
    assert "must be positive" in err


PYTHON_WORDS = ("Optional[", "Literal[", "| null", "type:", "default: null", "CLASS_PATH", "%(")


def test_help_speaks_no_python(capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb: usage on one line, lines of 80 columns, types and defaults in words."""
    for words in [(name,) for name in verbs.COMMANDS if name != "train"] + [("train",), *verbs.SUBCOMMANDS]:
        status, out, _ = call(capsys, *words, "--help")
        lines = out.splitlines()
        assert status == 0
        assert lines[0].startswith(f"usage: lapilli {' '.join(words)} ")
        assert lines[0].endswith("[options]")
        assert lines[1] == ""
        assert max(map(len, lines)) <= 80
        # Lines end at hyphens and brackets.
        assert [word for word in PYTHON_WORDS if word.replace(" ", "") in "".join(out.split())] == []


def test_a_kind_is_shown_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "train", "--method.help", "tks")
    assert status == 0
    assert "--method.temperature TEMPERATURE" in out
    assert "(a number; default: 3.0)" in " ".join(out.split())
    assert call(capsys, "train", "--method.help=tks") == (0, out, "")
    kinds = "plain, softmax_sum, tet, etc, tks, confidence, kdcl"
    expected = f"lapilli: --method.help: must be one of {kinds}, got 'tkx'; did you mean tks?\n"
    assert call(capsys, "train", "--method.help", "tkx") == (2, "", expected)
