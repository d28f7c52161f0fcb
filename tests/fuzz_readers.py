"""Mutated files for every reader: what comes of each must be a value or one sentence, soon and in little memory.

    .venv/bin/python tests/fuzz_readers.py 4600 [seed]

writes that many files, of all readers in turn, reads each, and prints what came out. `tests/test_fuzz_readers.py` runs
a sample. NetX and NIR have tests of their own beside it (`test_fuzz_netx.py`, `test_nir_foreign.py`).
"""

import io
import json
import os
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import data_archives
import numpy as np
import origin_folders
from official_files import cochlea_recordings, write_cochlea

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout, load, save, save_nir
from lapilli.netx_exports.nir.reader import load_nir
from lapilli.simulators import Events
from lapilli.simulators.bill.cost_table import load_table
from lapilli.simulators.configurations import read_mapping
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.learning import LearningConfig
from lapilli.simulators.learning.labelled_lines import read_lines, written_lines
from lapilli.simulators.learning.session import LearningSession
from lapilli.simulators.recording.file import RecordingFile
from lapilli.simulators.stream import Simulator
from lapilli.training.data.cache import check_sums, read_stored, write_stored
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.converters.convert import CONVERTERS
from lapilli.training.data.converters.hapt import SCALES
from lapilli.training.data.flow.evbench import read_evbench
from lapilli.training.data.flow.pixels import PixelModel
from lapilli.training.data.flow.sequences import make_sequences, read_sequences, save_sequences
from lapilli.training.data.framing import Framing
from lapilli.training.data.sets import Framed

SECONDS_EACH = 10.0
MEGABYTES = 1024

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """A reader, and good files for it.

    Arguments:
        name: of the files that it reads.
        originals: their contents.
        read: the reader; anything that it raises but a LapilliError is a defect.
        text: whether mutations are those of text.
    """

    name: str
    originals: tuple[bytes, ...]
    read: Read
    text: bool = False


def network() -> Network:
    layer = Layer("a", (4,), CubaLif(262143, 1024, 128), (DenseSynapse("input", np.arange(24).reshape(4, 6) * 2),))
    return Network((6,), (layer,), {"words": ["a"]}, readout=Readout("voltage_sum"))


def session() -> LearningSession:
    rng = np.random.default_rng(0)
    events = Events.from_dense(rng.random((5, 6, 8)) < 0.3, rng.integers(0, 4, 5))
    return LearningSession(network(), events, LearningConfig(), None, n_steps=9)


def readers(folder: Path) -> list[Reader]:
    """All of them, each with what lapilli itself wrote."""
    events = session().events
    path = folder / "original"
    found = [
        Reader("netx", (made(path, lambda: save(network(), path)),), load),
        Reader("nir", _nir(path), lambda file: load_nir(file, 1e-4)),
        Reader("events", _packed(made(path, lambda: events.save(path))), _read_events),
        Reader("recording", _packed(_recording(folder)), lambda file: RecordingFile(file).read()),
        Reader("record", (made(path, lambda: session().run(path)),), lambda file: _resume(folder, file)),
        Reader("state", _packed(made(path, lambda: Simulator(network()).save_state(path))), _restore),
        Reader("json lines", ("\n".join(written_lines(events, 4)).encode(),), _read_lines, text=True),
        Reader("yaml", _packaged_configs(), read_mapping, text=True),
        Reader("cost table", _tables(), load_table, text=True),
        Reader("csv", (b'name,number\na,1\n"b,c",2\n\'=x,3\n',), read_csv, text=True),
        Reader("command line", (made(path, lambda: save(network(), path)),), _inspect),
    ]
    return [*found, *_of_data_sets(folder), *_of_origins(folder), *_of_training(folder)]


def made(path: Path, write: Callable[[], object]) -> bytes:
    path.unlink(missing_ok=True)
    write()
    return path.read_bytes()


def _packed(content: bytes) -> tuple[bytes, bytes]:
    """An archive as it is, and stored, so that mutations reach its arrays."""
    stored = io.BytesIO()
    with np.load(io.BytesIO(content)) as archive:
        np.savez(stored, **dict(archive))
    return content, stored.getvalue()


def _nir(path: Path) -> tuple[bytes, ...]:
    try:
        return (made(path, lambda: save_nir(network(), path)),)
    except LapilliError:
        return (b"",)


def _recording(folder: Path) -> bytes:
    save(network(), folder / "a.net")
    session().events.save(folder / "in.npz")
    words = ["--input", str(folder / "in.npz"), "--out", str(folder / "out.npz"), "--record", "spikes,voltage"]
    with redirect_stdout(io.StringIO()):
        assert cli.main(["simulate", str(folder / "a.net"), *words, "--recording", str(folder / "r.npz")]) == 0
    return (folder / "r.npz").read_bytes()


def _read_events(file: Path) -> object:
    return Events.load(file), [chunk.n_events for chunk in EventFile(file).chunks(2)]


def _restore(file: Path) -> object:
    simulator = Simulator(network())
    simulator.restore_state(file)
    return simulator.step([0, 3])


def _resume(folder: Path, file: Path) -> object:
    record = folder / "record.npz"
    record.write_bytes(file.read_bytes())
    return session().run(record, resume=True)


def _read_lines(file: Path) -> object:
    with open(file, "rb") as opened:
        header, samples = read_lines(opened, file.name)
        return header, list(samples)


def _packaged_configs() -> tuple[bytes, ...]:
    folder = Path(__file__).parents[1] / "training" / "configs"
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.yaml"))[:6])


def _tables() -> tuple[bytes, ...]:
    folder = Path(__file__).parents[1] / "simulators" / "bill" / "tables"
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.yaml")))


def _inspect(file: Path) -> object:
    """Whatever `lapilli inspect` says goes to the terminal: one line, without anything that a terminal obeys."""
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        status = cli.main(["inspect", str(file)])
    assert status in (0, 2), errors.getvalue()
    assert (errors.getvalue().count("\n") == 1) == (status == 2)
    assert all(char.isprintable() or char == "\n" for char in output.getvalue() + errors.getvalue())
    if status:
        raise LapilliError(errors.getvalue().strip())
    return status


def _of_data_sets(folder: Path) -> list[Reader]:
    """Data sets of one archive, the official HDF5 files of SHD, and what is prepared of a set."""
    found = []
    for name, (_, make) in data_archives.FILES.items():
        archive = io.BytesIO()
        np.savez_compressed(archive, **make(np.random.default_rng(0)))
        found.append(Reader(name, _packed(archive.getvalue()), partial(_frame, name)))
    path, test = folder / "original.h5", folder / "test.h5"
    for file, seed in ((path, 0), (test, 1)):
        words = [f"word{number}" for number in range(20)]
        write_cochlea(file, cochlea_recordings(6, seed), [0, 1, 2, 19, 4, 5], [0, 8, 9, 1, 8, 2], words)
    found.append(Reader("shd", (path.read_bytes(),), lambda file: _frame("shd", file, test)))
    flow = make_sequences(6, 8, 30_000, 0, PixelModel())
    rendered = made(folder / "original", lambda: save_sequences(flow, folder / "original"))
    found.append(Reader("flow", _packed(rendered), read_sequences))
    archive = io.BytesIO()
    np.savez_compressed(archive, **data_archives.evbench_arrays(np.random.default_rng(0)))
    found.append(Reader("evbench", _packed(archive.getvalue()), read_evbench))
    return [*found, *_prepared(folder)]


def _frame(name: str, *files: Path) -> object:
    framed = DATA_SETS[name].frame(files, Framing())
    return framed, sum(block.n_events for block in framed.blocks)


def _prepared(folder: Path) -> list[Reader]:
    """Each file of a prepared set, of which the others are as they were."""
    with_events = Framed((6,), 8, 1.0, np.zeros(5, int), np.zeros(5, int), np.full(5, 8), np.zeros(5, int), None,
                         iter([session().events]))  # fmt: skip
    prepared = folder / "prepared"
    write_stored(prepared, with_events, {}, lambda n: None)
    return [
        Reader(f"prepared {name}", ((prepared / name).read_bytes(),), partial(_open_prepared, prepared, name), text)
        for name, text in (("meta.json", True), ("offsets.npy", False), ("neuron.npy", False))
    ]


def _open_prepared(prepared: Path, name: str, file: Path) -> object:
    before = (prepared / name).read_bytes()
    (prepared / name).write_bytes(file.read_bytes())
    try:
        check_sums(prepared)
        return read_stored(prepared)
    finally:
        (prepared / name).write_bytes(before)


def _of_origins(folder: Path) -> list[Reader]:
    """A file of each kind that converters read, in an origin whose other files are as they were."""
    rng = np.random.default_rng(0)
    # Short, so that most mutations reach what is checked.
    audio = {"audio": np.arange(20, dtype=np.int16), "offsets": np.array([0, 20]), "label": [0], "speaker": ["ada"]}
    origin_folders.spoken_digits(folder / "digits", {**audio, "index": [0], "rate": 8000})
    scales = {f"{sensor}_scale": scale for sensor, scale in SCALES.items()}
    motion = {name: array[:20] for name, array in data_archives.motion_arrays(rng).items() if name in ("acc", "gyro")}
    origin_folders.hapt(folder / "motion", {**motion, **scales, "offsets": [0, 20], "user": [3], "labels": [[1] * 5]})
    origin_folders.nmnist_small(folder / "events", data_archives.camera_arrays(rng, 2, 1))
    images = {f"x_{part}": rng.integers(0, 256, (3, 28, 28)).astype(np.uint8) for part in ("train", "test")}
    images |= {f"y_{part}": np.arange(3, dtype=np.uint8) for part in ("train", "test")}
    origin_folders.mnist(folder / "images", images, packed=True)
    files = {
        "spoken-digits": ("digits/recordings/0_ada_0.wav",),
        "hapt": ("motion/RawData/acc_exp01_user03.txt", "motion/RawData/labels.txt"),
        "nmnist-small": ("events/1.bs2", "events/test100.txt"),
        "mnist": ("images/t10k-images-idx3-ubyte.gz",),
    }
    return [
        Reader(file, ((folder / file).read_bytes(),), partial(_converted, name, folder / file), file.endswith("txt"))
        for name, inner in files.items()
        for file in inner
    ]


def _converted(name: str, place: Path, file: Path) -> object:
    """What is converted when `file` stands at `place` within an origin."""
    before, root = place.read_bytes(), place.parent
    place.write_bytes(file.read_bytes())
    try:
        return list(CONVERTERS[name](root, lambda text: None))
    finally:
        place.write_bytes(before)


def _of_training(folder: Path) -> list[Reader]:
    """Checkpoints and weights, where torch is installed."""
    try:
        import torch

        from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO
        from lapilli.training.loop.run_folder import RunFolder, read_weights, write_weights
    except ImportError:
        return []
    checkpoints, run = SafetensorsCheckpointIO(), RunFolder(folder / "run")
    run.path.mkdir(exist_ok=True)
    path = folder / "checkpoint"
    tree = {"epoch": 3, "state_dict": {"w": torch.arange(6.0)}, "loops": [{"a": (1, 2.5, None, True)}]}
    weights = {"w": torch.arange(6.0)}

    def read(file: Path) -> object:
        run.weights.write_bytes(file.read_bytes())
        return read_weights(run)

    return [
        Reader(
            "checkpoint", (made(path, lambda: checkpoints.save_checkpoint(tree, path)),), checkpoints.load_checkpoint
        ),
        Reader("weights", (made(run.weights, lambda: write_weights(run, weights, {"n": [1]})),), read),
    ]


HOSTILE = ["[" * 3000, "{" * 3000, "9" * 5000, "&a [*a]", "*a", "!!python/name:os.system", "\x1b[2J", "\x00", "'",
           '"', ": ", "- ", "null", "true", "-1", "1e999", ".nan", "1" * 30,
           "0x" + "f" * 3000, "\ud7ff", "=cmd", "NaN"]  # fmt: skip


def mutated_text(content: bytes, rng: random.Random) -> bytes:
    """With words of a stranger put in, lines gone or twice, or as `mutated`."""
    if rng.random() < 0.3:
        return mutated(content, rng)
    text = content.decode()
    for _ in range(rng.choice([1, 1, 2, 4])):
        place = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.6:
            text = text[:place] + rng.choice(HOSTILE) + text[place + rng.choice([0, 0, 1, 5]) :]
        elif kind < 0.8:
            lines = text.split("\n")
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "\n".join(lines)
        else:
            text = text[:place] + text[place + rng.randrange(40) :]
    return text.encode()


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Cut off, or with some bits, bytes or words replaced, or with bytes put in."""
    if rng.random() < 0.1:
        return content[: rng.randrange(len(content) + 1)]
    broken = bytearray(content or b"\0")
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        place, kind = rng.randrange(len(broken)), rng.random()
        if kind < 0.4:
            broken[place] ^= 1 << rng.randrange(8)
        elif kind < 0.6:
            broken[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        elif kind < 0.9:
            width = rng.choice([2, 4, 8])
            word = rng.choice([0, (1 << 8 * width) - 1, 1 << rng.randrange(8 * width)]).to_bytes(width, "little")
            broken[place : place + width] = word
        else:
            broken[place:place] = rng.randbytes(rng.choice([1, 8, 64]))
    return bytes(broken)


def mutated_archive(content: bytes, rng: random.Random) -> bytes:
    """An archive that is whole, checksums included, and of which the arrays are other ones."""
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(list(arrays) or ["a"])
        kind = rng.randrange(5)
        if kind == 0:
            arrays.pop(name, None)
        elif kind == 1:
            arrays[rng.choice(["x", "a/b/c", "\x1b[2J", name + "0"])] = np.zeros(rng.choice([1, 5, 100_000]), int)
        elif name in arrays:
            arrays[name] = _other_array(arrays[name], kind, rng)
    found = io.BytesIO()
    np.savez_compressed(found, **arrays)
    return found.getvalue()


def _other_array(array: np.ndarray, kind: int, rng: random.Random) -> np.ndarray:
    if array.dtype.kind in "SU":
        return rng.choice([array[:-1], array[..., None], array.astype("S3"), array.astype("U9"), np.arange(len(array))])
    wide = np.array(array, np.int64)
    if kind == 2 and wide.size:
        wide.reshape(-1)[rng.randrange(wide.size)] = rng.choice([-1, -(2**63), 2**31, 2**62, 2**63 - 1, 99, 0])
        return wide if rng.random() < 0.5 else wide.astype(array.dtype)
    if kind == 3:
        return rng.choice(
            [wide[..., None], wide.reshape(-1)[:-1], wide.astype(float), wide.astype(bool), wide.view(np.uint64)]
        )
    return np.asarray(rng.choice([0, -1, 2**63 - 1, np.uint64(2**63), np.zeros((0, 3), int), np.zeros((2, 2), int)]))


def mutation(reader: Reader, rng: random.Random) -> bytes:
    """A mutated file."""
    content = rng.choice(reader.originals)
    if reader.text:
        return mutated_text(content, rng)
    if zipfile.is_zipfile(io.BytesIO(content)) and rng.random() < 0.5:
        return mutated_archive(content, rng)
    return mutated(content, rng)


def outcome(reader: Reader, path: Path) -> str:
    """ "read" or "refused"; anything else than a value and one sentence of ours goes through."""
    # Of the processor: the clock of a busy machine would fail by chance.
    started = time.process_time()
    try:
        reader.read(path)
        answer = "read"
    except LapilliError as error:
        answer = "refused" if "\n" not in str(error) else f"more than a sentence: {error}"
    assert answer in ("read", "refused"), answer
    assert time.process_time() - started < SECONDS_EACH
    return answer


def run(n_files: int, seed: int, keep: Path | None = None) -> dict[str, dict[str, int]]:
    """Read `n_files` mutations in `MEGABYTES` of address space beside what is in use; how often what came out.

    Raises:
        AssertionError: naming the first file that breaks a promise, which stays as `keep`.
    """
    rng = random.Random(seed)
    seen: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        all_readers = readers(folder)
        for reader in all_readers:
            # What compiles, and whatever else the first time takes.
            (folder / "mutated").write_bytes(reader.originals[0])
            reader.read(folder / "mutated")
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (in_use + (MEGABYTES << 20), limits[1]))
        try:
            for number in range(n_files):
                reader = all_readers[number % len(all_readers)]
                content = mutation(reader, rng)
                (folder / "mutated").write_bytes(content)
                try:
                    answer = outcome(reader, folder / "mutated")
                except Exception as error:
                    if keep is not None:
                        keep.write_bytes(content)
                    raise AssertionError(f"{reader.name}, file {number} of seed {seed}: {error!r}") from error
                seen.setdefault(reader.name, Counter())[answer] += 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
    return {name: dict(counts) for name, counts in seen.items()}


if __name__ == "__main__":
    begun = time.perf_counter()
    found = run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, Path(os.environ.get("KEEP", "mutated")))
    print(json.dumps(found, indent=1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    n_read = sum(sum(counts.values()) for counts in found.values())
    print(f"{n_read} files, {time.perf_counter() - begun:.0f} s, {peak} MB at most")
