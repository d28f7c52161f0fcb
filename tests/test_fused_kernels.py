"""The kernels of training: after an edit of any of their files, none runs on from numba's disk cache as it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lapilli.simulators import compiled
from lapilli.training.fused.kernels import backward, convolution, events, forward, product

ENTRIES = (
    forward.forward,
    backward.backward,
    product.pack,
    convolution.convolve,
    convolution.kernel_gradients,
    convolution.fold,
    events.events_by_channel,
    events.events_by_step,
    events.to_bits,
    events.count_bits,
    events.from_bits,
    events.largest_sum,
)

SCRIPT = """
import numpy as np
from lapilli.training.fused.kernels.events import events_by_step
starts, sources, found = np.zeros(2, np.int64), np.zeros(64, np.int32), np.zeros(64, np.int32)
number, binary = events_by_step(np.ones((1, 64), np.float32), 64, starts, sources, found)
print(number, binary, sum(events_by_step.stats.cache_hits.values()))
"""


def lone_kernels(folder: Path) -> Path:
    """A package of the kernels and what compiles them, without torch. Returns the folder of the kernels."""
    home = Path(forward.__file__).parent
    kernels = folder / "lapilli" / "training" / "fused" / "kernels"
    shutil.copytree(home, kernels, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "lapilli" / "simulators").mkdir()
    shutil.copy(compiled.__file__, folder / "lapilli" / "simulators")
    for part in ("", "simulators", "training", "training/fused"):
        (folder / "lapilli" / part / "__init__.py").touch()
    return kernels


def found_by_kernels(folder: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment, cwd=folder
    )
    return done.stdout.split()


def test_an_edit_of_what_an_intrinsic_is_written_with_is_seen(tmp_path: Path) -> None:
    """Three files away from the function that is called."""
    kernels = lone_kernels(tmp_path)
    assert found_by_kernels(tmp_path) == ["64", "True", "0"]
    assert found_by_kernels(tmp_path) == ["64", "True", "1"]
    vectors = kernels / "vectors.py"
    text = vectors.read_text(encoding="utf-8")
    # All lanes are 0: what is 1 then is not.
    edited = text.replace("insert_element(vector(ir.Undefined), value,", "insert_element(vector(None), value.type(0),")
    assert edited != text
    vectors.write_text(edited, encoding="utf-8")
    assert found_by_kernels(tmp_path) == ["64", "False", "0"]


def looked_at(entry: Any) -> set[str]:
    """Files on which it depends whether a function is compiled anew."""
    names = set()

    def hashed(path: str) -> str:
        names.add(Path(path).name)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "text_hash", hashed)
        compiled.sources_hash.__wrapped__(entry.py_func)
    return names


def test_every_file_of_kernels_is_looked_at() -> None:
    """By some function that Python calls."""
    files = {path.name for path in Path(forward.__file__).parent.glob("*.py")}
    # `limits.py` has constants alone, which are looked at by their values.
    assert files - set().union(*map(looked_at, ENTRIES)) == {"__init__.py", "limits.py"}


@pytest.mark.parametrize(
    "entry", [forward.forward, backward.backward, convolution.convolve, convolution.kernel_gradients]
)
def test_fields_of_records_that_change_places_are_seen(entry: Any) -> None:
    assert "records.py" in looked_at(entry)
