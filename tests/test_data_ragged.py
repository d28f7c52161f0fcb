"""Lists in HDF5 files that crash libhdf5, or keep it busy without end: a sentence, and this process goes on."""

from pathlib import Path

import numpy as np
import pytest
from official_files import cochlea_recordings, write_cochlea

from lapilli.training.data.framing import Framing
from lapilli.training.data.official import ragged
from lapilli.training.data.official.cochlea import SHD
from lapilli.training.data.official.ragged import read_lists
from lapilli.training.data.sets import DataError

FIELDS = ("spikes/times", "spikes/units")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    words = [f"word{number}" for number in range(20)]
    write_cochlea(tmp_path / "a.h5", cochlea_recordings(6, 0), [0, 1, 2, 19, 4, 5], [0, 8, 9, 1, 8, 2], words)
    return tmp_path / "a.h5"


@pytest.mark.parametrize("at_once", [1, 4, 256])
def test_lists_come_as_they_are(file: Path, at_once: int) -> None:
    times, units = zip(*read_lists(file, FIELDS, at_once))
    expected = cochlea_recordings(6, 0)
    assert np.concatenate([lengths for lengths, _ in times]).tolist() == [len(time) for time, _ in expected]
    assert np.concatenate([found for _, found in times]).tolist() == np.concatenate([t for t, _ in expected]).tolist()
    assert np.concatenate([found for _, found in units]).tolist() == np.concatenate([u for _, u in expected]).tolist()


def test_a_list_that_says_it_is_longer_than_it_is(file: Path) -> None:
    """libhdf5 1.14 dies of it: its heap's object claims gigabytes."""
    content = bytearray(file.read_bytes())
    place = content.index(b"GCOL") + 16 + 8
    content[place : place + 8] = (1 << 40).to_bytes(8, "little")
    file.write_bytes(content)
    with pytest.raises(DataError, match="missing, damaged or another file"):
        list(SHD.frame((file, file), Framing()).blocks)


def test_a_process_that_dies_or_never_ends(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = tmp_path / "worker.py"
    monkeypatch.setattr(ragged, "__file__", str(worker))
    for program, said in (
        ("import os; os.kill(os.getpid(), 11)", "ends with status -11"),
        ("import signal\nsignal.setitimer(signal.ITIMER_PROF, 0.1)\nwhile True: pass", "ends with status -27"),
        ("import sys; sys.stdout.write('x' * 20)", "ends too early"),
        ("raise OSError('no file')", "OSError: no file"),
    ):
        worker.write_text(program)
        with pytest.raises(ValueError, match=said):
            list(read_lists(file, FIELDS, 4))
