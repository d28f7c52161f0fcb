"""What a command says at once: help loads no packages, and a terminal shows a line until there is more to say."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from lapilli.verbs import COMMANDS
from lapilli.waiting import WAITING

ERASED = "\r\x1b[K"


def on_a_terminal(*words: str, output: int | None = None, kind: str = "xterm") -> str:
    """What a terminal got from a command, as it came."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lapilli", *words]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=theirs if output is None else output,
        stderr=theirs,
        env=os.environ | {"TERM": kind},
    ) as process:
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 1 << 16):
                text += piece
        except OSError:
            pass  # Linux says so where nobody writes any more.
        process.wait()
    os.close(ours)
    return text.decode()


def test_the_line_comes_first_and_gives_way() -> None:
    text = on_a_terminal("doctor", "--json")
    first, erased, rest = text.partition(ERASED)
    assert (first, erased) == (WAITING, ERASED)
    assert rest.strip()
    assert WAITING not in rest


def test_an_error_takes_its_place() -> None:
    assert on_a_terminal("inspect", "none.net").startswith(f"{WAITING}{ERASED}lapilli: ")


def test_an_output_that_goes_elsewhere_takes_its_place_too(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        text = on_a_terminal("doctor", "--json", output=file.fileno())
    assert text == WAITING + ERASED
    assert (tmp_path / "out").read_text().startswith(("[", "{"))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["help"], ["fly"]])
def test_what_needs_no_packages_has_no_line(words: list[str]) -> None:
    assert WAITING not in on_a_terminal(*words)


def test_a_terminal_that_erases_nothing_has_no_line() -> None:
    assert (
        on_a_terminal("inspect", "none.net", kind="dumb")
        == "lapilli: cannot read none.net: No such file or directory\r\n"
    )


def test_without_a_terminal_there_is_none() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lapilli", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert WAITING not in done.stdout


def test_help_loads_no_package() -> None:
    """Numpy, pydantic and jsonargparse would take three times the half second that help may take."""
    program = (
        "import sys; from lapilli.cli import main; main(['--help']);"
        "print(sorted({'numpy', 'pydantic', 'jsonargparse', 'rich', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
