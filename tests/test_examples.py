"""The examples run as they stand, and end with what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lapilli.simulators.lava.client import installed

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "examples"

ENDS = {
    "bill.py": r"loihi1: [\d,.]+ nJ a sample \(estimate\)",
    "learn.py": r"accuracy: 55\.00% before, 100\.00% after",
    "own_module.py": r"0 differences in 3,164 spikes and 20,800 states",
    "record.py": r"spikes in steps \[13\]",
    "simulate.py": r" \[1 0 0\]\]",
    "stream.py": r"equal: True",
}
"""The last line of each, as a pattern."""

BY_TORCH = ("own_module.py",)
"""Weights are torch's random numbers, which another release draws otherwise: the numbers may be others."""


def test_every_script_is_known_and_listed() -> None:
    scripts = {path.name for path in FOLDER.glob("*.py")}
    assert scripts == ENDS.keys()
    listed = re.findall(r"^\| `(\w+\.py)` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(scripts)


@pytest.mark.parametrize("name", sorted(ENDS))
def test_a_script_runs_and_says_what_it_should(name: str, tmp_path: Path) -> None:
    if name in BY_TORCH and not installed("lava.lib.dl"):
        pytest.skip("lava-dl is not installed (the extra `train`)")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    pattern = re.sub(r"\d[\d,]*\d|[1-9]", r"[\\d,]+", ENDS[name]) if name in BY_TORCH else ENDS[name]
    assert re.fullmatch(pattern, last), last
    assert list(tmp_path.iterdir()) == []
