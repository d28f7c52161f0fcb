"""Completion, as bash does it: the script is read by bash itself, which is asked what it would offer."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lapilli.completion import completion_script
from lapilli.verbs import COMMANDS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
_shtab_lapilli
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "lapilli"
    path.write_text(completion_script("bash"), encoding="utf-8")
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("sim",), {"simulate"}),
        (("simulate", "--back"), {"--backend"}),
        (("simulate", "--backend", ""), {"fast", "reference", "lava", "loihi2"}),
        (("simulate", "--n"), {"--n-steps"}),
        (("data", "pre"), {"prepare"}),
        (("data", "prepare", "--framing.en"), {"--framing.encoder"}),
        (("zoo", "g"), {"get"}),
    ],
)
def test_what_is_offered(script: Path, words: tuple[str, ...], offered: set[str]) -> None:
    command: list[Any] = ["bash", "-c", ASK, "bash", script, "lapilli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered


def test_every_verb_is_there() -> None:
    for shell in ("zsh", "fish"):
        text = completion_script(shell)
        assert all(verb in text for verb in COMMANDS)
        assert "_lapilli" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("train", "spikescr-shd-k"), {"spikescr-shd-kdcl"}),
        (("train", "cur"), {"curriculum"}),
        (("train", "--method", "te"), {"tet"}),
        (("train", "shd", "--optimizer.max"), {"--optimizer.max-epochs"}),
    ],
)
def test_what_is_offered_of_training(script: Path, words: tuple[str, ...], offered: set[str]) -> None:
    pytest.importorskip("torch", reason="without it, training has no options")
    test_what_is_offered(script, words, offered)
