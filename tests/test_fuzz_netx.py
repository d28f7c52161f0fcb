"""Thousands of broken files: `load` gives a network or one of our errors, soon and in little memory.

libhdf5 reads the bytes; that it does not crash on them is part of what is tested.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from amounts import amount
from plain_networks import random_plain_network
from random_networks import random_case

from lapilli.netx_exports import FormatError, LapilliError, Network, load, save

BYTE_MUTATIONS = amount(1000, 10_000)
TREE_MUTATIONS = amount(250, 2000)
SECONDS_EACH = 2.0


def originals(folder: Path) -> list[bytes]:
    """Files of every form: plain chains with convolutions, recurrence, delays, and extended networks."""
    networks = [random_plain_network(seed) for seed in range(6)]
    networks += [random_case(["conv and skip", "recurrent", "two dense"], 1, False, seed).network for seed in range(3)]
    contents = []
    for network in networks:
        save(network, folder / "original.net")
        contents.append((folder / "original.net").read_bytes())
    return contents


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Cut off, or with some bytes, words or bits replaced; mostly in the front, where the structure lies."""
    if rng.random() < 0.1:
        return content[: rng.randrange(len(content))]
    broken = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        place = rng.randrange(len(broken) if rng.random() < 0.3 else min(len(broken), 6000))
        kind = rng.random()
        if kind < 0.4:
            broken[place] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            broken[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        else:
            width = rng.choice([2, 4, 8])
            word = rng.choice([0, (1 << 8 * width) - 1, 1 << rng.randrange(8 * width)]).to_bytes(width, "little")
            broken[place : place + width] = word
    return bytes(broken)


def outcome(path: Path) -> str:
    """What `load` makes of a file; anything but a network and our own errors goes through."""
    started = time.perf_counter()
    try:
        assert isinstance(load(path), Network)
        answer = "network"
    except LapilliError as error:
        answer = type(error).__name__ if "\n" not in str(error) else "more than a sentence"
    assert time.perf_counter() - started < SECONDS_EACH
    assert answer in ("network", "LapilliError", "FormatError", "UnsupportedError")
    return answer


def load_broken_bytes(folder: Path) -> None:
    """Load all mutations in 1 GiB of address space beside what is in use, and print how often what came out."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + (1 << 30),) * 2)
    rng = random.Random(20)
    contents = originals(folder)
    path = folder / "broken.net"
    seen: Counter[str] = Counter()
    for _ in range(BYTE_MUTATIONS):
        path.write_bytes(mutated(rng.choice(contents), rng))
        seen[outcome(path)] += 1
    # (The counter of getrusage starts at the parent's.)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**seen, "megabytes": int(peak.split()[1]) // 1024}))


@pytest.mark.slow
def test_broken_bytes(tmp_path: Path) -> None:
    """In a process of its own: a crash or an endless loop inside libhdf5 would take this one along."""
    script = "import sys; from pathlib import Path; import test_fuzz_netx as f; f.load_broken_bytes(Path(sys.argv[1]))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("megabytes") < 600
    # Broken enough to be refused, and not so broken that only the first look is tested.
    assert seen["FormatError"] > BYTE_MUTATIONS / 10
    assert seen["network"] > BYTE_MUTATIONS / 10


VALUES: list[Any] = [
    0,
    -1,
    1 << 40,
    np.nan,
    1e300,
    True,
    "dense",
    "conv",
    "x" * 2000,
    np.zeros((0,)),
    np.zeros((2, 3)),
    np.full((3, 2, 1, 1), 7),
    np.arange(5) - 2,
    np.zeros(3, [("a", "i4")]),
    h5py.Empty("f4"),
    b"\xff\xfe",
    1j,
]


def mutate_tree(file: h5py.File, rng: random.Random) -> None:
    """Replace, remove, move or link something."""
    paths = ["layer"]
    file.visit(paths.append)
    path = rng.choice(paths)
    kind = rng.randrange(6)
    if kind == 0:
        del file[path]
    elif kind == 1:
        file.move(path, rng.choice(paths) + rng.choice(["x", "/x", "0", "/9"]))
    elif kind == 2:
        file[path + rng.choice(["x", "/x"])] = rng.choice([h5py.SoftLink("/" + path), h5py.ExternalLink("a", path)])
    elif kind == 3:
        file[rng.choice(paths) + "y"] = file[rng.choice(paths)]
    else:
        value = rng.choice(VALUES)
        if path in file:
            del file[path]
        file.create_dataset(path, data=np.bytes_(value) if isinstance(value, bytes) else value)


@pytest.mark.slow
def test_broken_trees(tmp_path: Path) -> None:
    rng = random.Random(21)
    contents = originals(tmp_path)
    path = tmp_path / "broken.net"
    seen = []
    for _ in range(TREE_MUTATIONS):
        path.write_bytes(rng.choice(contents))
        with h5py.File(path, "r+") as file:
            for _ in range(rng.choice([1, 1, 2, 3])):
                try:
                    mutate_tree(file, rng)
                except (KeyError, OSError, RuntimeError, TypeError, ValueError):
                    continue  # h5py does not do what was drawn, such as a dataset inside a dataset
        seen.append(outcome(path))
    assert seen.count("FormatError") > TREE_MUTATIONS / 2


def structures(content: bytes, signature: bytes) -> list[int]:
    return [place for place in range(len(content)) if content.startswith(signature, place)]


def test_a_heap_of_strings_that_leads_libhdf5_into_a_circle(tmp_path: Path) -> None:
    """The size of its first string, rounded up and added to the place of the string, gives the place again."""
    path = tmp_path / "broken.net"
    save(random_plain_network(0), path)
    content = bytearray(path.read_bytes())
    (place,) = structures(bytes(content), b"GCOL")
    content[place + 24 : place + 32] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(FormatError, match="neuron/type`: must be a string of at most 1024 bytes"):
        load(path)


def test_free_blocks_that_lead_libhdf5_into_a_circle(tmp_path: Path) -> None:
    path = tmp_path / "broken.net"
    save(random_plain_network(0), path)
    content = bytearray(path.read_bytes())
    for place in structures(bytes(content), b"HEAP"):
        free, data = (int.from_bytes(content[place + at : place + at + 8], "little") for at in (16, 24))
        content[data + free : data + free + 8] = content[place + 16 : place + 24]
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"damaged \(free blocks in a circle at byte \d+\)"):
        load(path)


def test_files_with_a_user_block_and_of_the_newest_layout(tmp_path: Path) -> None:
    network = random_plain_network(0)
    save(network, tmp_path / "ours.net")
    layouts: list[dict[str, Any]] = [{"userblock_size": 1024}, {"libver": "latest"}, {"track_order": True}]
    for number, options in enumerate(layouts):
        path = tmp_path / f"{number}.net"
        with h5py.File(tmp_path / "ours.net") as ours, h5py.File(path, "w", **options) as copy:
            ours.copy("layer", copy)
            copy.attrs["lapilli"] = ours.attrs["lapilli"]
        assert load(path) == network
