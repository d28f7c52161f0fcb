"""A sample of `fuzz_readers.py`, in a process of its own: a crash inside a library would take this one along."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_mutated_files_of_every_reader() -> None:
    code = "import json, fuzz_readers; print(json.dumps(fuzz_readers.run(1020, 22)))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert sum(sum(counts.values()) for counts in seen.values()) == 1020
    # Broken enough to be refused.
    assert all(counts.get("refused", 0) >= 5 for counts in seen.values()), seen
