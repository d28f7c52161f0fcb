"""Lists of different lengths in an HDF5 file, read in a process of its own: damaged ones crash libhdf5, or never end.

It writes what it found into memory that is as long as another place in the file says. This file is run by its path, and
needs h5py and numpy only.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_SECONDS = 9.0
"""Of the processor, for the lists that are read at once."""

_MOST = 1 << 31
"""Lists, or entries, of a block."""

Lists = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Lengths of some lists, and their entries, one list after the other."""


def read_lists(path: Path, fields: Sequence[str], at_once: int) -> Iterator[tuple[Lists, ...]]:
    """Lists of several fields, `at_once` of them at a time.

    Arguments:
        path: of the file.
        fields: that hold equally many lists of numbers.
        at_once: lists of each field in a block.

    Raises:
        ValueError: saying what h5py says of a damaged file, or that its process died.
    """
    command = [sys.executable, __file__, str(path), str(at_once), *fields]
    # The folder of this file holds modules that are none of the others' business.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        try:
            while head := process.stdout.read(16):
                blocks = [_received(process.stdout, head)]
                blocks += [_received(process.stdout, process.stdout.read(16)) for _ in fields[1:]]
                yield tuple(blocks)
            whole = True
        except EOFError:
            # It died while it wrote.
            whole = False
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode or not whole:
        died = f"reading it ends with status {process.returncode}" if process.returncode else "it ends too early"
        raise ValueError(said.splitlines()[-1] if said else died)


def _received(pipe: IO[bytes], head: bytes) -> Lists:
    if len(head) < 16:
        raise EOFError
    n_lists, n_entries = np.frombuffer(head, np.int64).tolist()
    # A pipe would be asked for as much memory at once.
    if n_lists > _MOST or n_entries > _MOST:
        raise EOFError
    lengths, entries = pipe.read(8 * n_lists), pipe.read(8 * n_entries)
    if len(entries) < 8 * n_entries:
        raise EOFError
    return np.frombuffer(lengths, np.int64), np.frombuffer(entries, np.float64)


def _write_lists(path: str, at_once: int, fields: Sequence[str]) -> None:
    import h5py

    with h5py.File(path, "r") as file:
        for low in range(0, len(file[fields[0]]), at_once):
            # Kills a process that has worked for so long.
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            for field in fields:
                _write(file[field][low : low + at_once])


def _write(lists: Sequence[Any]) -> None:
    lengths = np.array([len(found) for found in lists], np.int64)
    entries = np.concatenate(lists).astype(np.float64)
    for array in (np.array([len(lengths), len(entries)], np.int64), lengths, entries):
        sys.stdout.buffer.write(array.tobytes())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _write_lists(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
