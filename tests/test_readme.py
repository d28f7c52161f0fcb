"""The README's example runs as it stands, and its list of commands is the real one."""

import re
import subprocess
import sys
from pathlib import Path

from lapilli.verbs import COMMANDS
from lapilli.zoo.card import read_card

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_proves(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.S)
    assert example is not None
    assert len(example[1].strip().splitlines()) <= 15
    done = subprocess.run([sys.executable, "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spikes, _, operations = done.stdout.splitlines()[-2].partition(" spikes, ")
    assert int(spikes) > 0
    assert int(operations.split()[0]) > 0
    assert done.stdout.splitlines()[-1] == "True"


def test_the_demo_is_the_network_of_the_zoo() -> None:
    """Both are seed 0 of the digits; the card was measured, and `tests/test_zoo_proofs.py` measures it again."""
    card = read_card(ROOT / "zoo" / "digits" / "card.yaml")
    for backend in ("slayer", "reference", "fast", "lava"):
        (row,) = re.findall(rf"^│ {backend} +│ (\S+) +│ (\S+)", README, re.M)
        assert row == (f"{card.accuracy:.2%}", f"{card.operations:,.1f}")
    assert f" {round(card.spikes * card.samples):,} spikes, " in README


def test_every_command_is_listed() -> None:
    section = README.split("## Commands")[1]
    listed = re.findall(r"^lapilli (\w+)", section, re.M)
    assert listed == list(COMMANDS)


def test_every_file_that_is_named_exists() -> None:
    texts = [README, *((ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "CHANGELOG.md"))]
    named = {name for text in texts for name in re.findall(r"`((?:\w+/)+[\w.-]+\.(?:py|md|csv|yaml))`", text)}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
