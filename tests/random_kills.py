"""Kills at random moments of the verbs that write: nothing is lost, nothing is left, what goes on ends with equal bits.

    .venv/bin/python tests/random_kills.py 200 [seed]

kills that many commands, of all verbs in turn, by KILL, TERM, INT and HUP, and prints what came of them. A moment is a
random time, or a random one of the events by which Python reaches files and modules: those come again in each run.
`tests/test_random_kills.py` runs a sample. Each command runs in a process of its own (`kill_server.py`).
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from learning_files import RULE, learning_files, stream_text
from official_files import cochlea_recordings, write_cochlea
from timed_recordings import NAME
from training_runs import content

from lapilli.netx_exports import load
from lapilli.simulators import Events
from lapilli.training.data.cache import check_sums

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
N_SAMPLES = 60

Run = Callable[..., dict[str, Any]]
"""Runs the words of a command in a folder, with `signal` and `seconds` or `event`; what the server answers."""


@dataclass(frozen=True)
class Verb:
    """A verb with small work.

    Arguments:
        name: of the case.
        words: of its command.
        again: words of the command that goes on, from the folder of the one that was killed.
        result: everything that must not depend on kills, from a folder.
        whole: from a folder after a kill, whether the files with the names of results are whole ones.
    """

    name: str
    words: tuple[str, ...]
    again: Callable[[Path], tuple[str, ...]]
    result: Callable[[Path], Any]
    whole: Callable[[Path], bool] = lambda folder: True


TRAIN = (
    *("train", "--run-dir", "run", "--data.name", NAME, "--network.hidden", "[8]", "--network.recurrent", "true"),
    *("--optimizer.max_epochs", "4", "--optimizer.batch_size", "30", "--network.dropout", "0.2"),
)
LEARN = ("learn", "a.net", "--run-dir", "run", *RULE)
RECORDED = (*LEARN, "--input", "e.npz")
STREAM = (*LEARN, "--stream", "e.jsonl", "--json")
SIMULATE = (
    *("simulate", "a.net", "--input", "e.npz", "--out", "out.npz", "--record", "spikes,voltage"),
    *("--recording", "kept.npz", "--threads", "1"),
)
PREPARE = ("data", "prepare", "shd", "--json")


def verbs() -> list[Verb]:
    """All of them."""
    return [
        Verb("train", TRAIN, _resumed_training, lambda folder: content(folder / "run")),
        Verb("learn", RECORDED, lambda folder: _resumed(RECORDED, folder), _learnt),
        Verb("learn --stream", STREAM, _rest_of_the_stream, _learnt),
        Verb("simulate", SIMULATE, lambda folder: SIMULATE, _simulated, _simulated_whole),
        Verb("data prepare", PREPARE, lambda folder: PREPARE, _prepared, _prepared_whole),
    ]


def write_files(folder: Path) -> None:
    """Everything that the verbs read."""
    folder.mkdir()
    learning_files(folder, N_SAMPLES)
    words = [f"word{number}" for number in range(20)]
    for part, seed in (("train", 0), ("test", 1)):
        numbers = np.arange(300) % 20
        path = folder / "data" / "SHD" / f"shd_{part}.h5"
        write_cochlea(path, cochlea_recordings(300, seed), numbers.tolist(), (8 + numbers % 2).tolist(), words)


def _resumed_training(folder: Path) -> tuple[str, ...]:
    return (*TRAIN, "--resume") if (folder / "run" / "config.yaml").exists() else TRAIN


def _resumed(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    return (*words, "--resume") if (folder / "run" / "record.npz").exists() else words


def _rest_of_the_stream(folder: Path) -> tuple[str, ...]:
    """Nobody can ask a stream again: who sends it goes on behind the last sample that was learnt."""
    record = folder / "run" / "record.npz"
    if record.exists():
        with np.load(record) as found:
            first = len(found["labels"])
        (folder / "e.jsonl").write_text(stream_text(Events.load(folder / "e.npz"), first))
    return _resumed(STREAM, folder)


def _learnt(folder: Path) -> Any:
    run = folder / "run"
    report = json.loads((run / "report.json").read_text())
    report = {name: value for name, value in report.items() if name not in ("seconds", "command", "date", "commit")}
    return load(run / "model.net").fingerprint, report, (run / "samples.csv").read_bytes()


def _simulated(folder: Path) -> Any:
    return (folder / "out.npz").read_bytes(), (folder / "kept.npz").read_bytes()


def _simulated_whole(folder: Path) -> bool:
    return all(_is_zip(folder / name) for name in ("out.npz", "kept.npz") if (folder / name).exists())


def _is_zip(path: Path) -> bool:
    with np.load(path) as archive:
        return all(archive[name] is not None for name in archive.files)


def _prepared(folder: Path) -> Any:
    (found,) = (folder / "data" / "prepared").iterdir()
    return {path.name: path.read_bytes() for path in found.iterdir()}


def _prepared_whole(folder: Path) -> bool:
    for found in (folder / "data" / "prepared").glob("shd-*"):
        check_sums(found)
    return True


@contextmanager
def server(home: Path) -> Iterator[Run]:
    """A process that runs commands; data sets are those in `home`."""
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)]),
        "LAPILLI_DATA": "data",
        "LAPILLI_SHARED_DATA": str(home / "none"),
        "OMP_NUM_THREADS": "1",
        # Where the interpreter was not asked for it, a kill could leave half a file of its own.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, str(here / "kill_server.py")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def run(words: tuple[str, ...], folder: Path, **how: Any) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            order = {"words": words, "folder": str(folder), **how}
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            answer["stdout"] = answer["stdout"][-200:]
            return answer

        try:
            yield run
        finally:
            process.communicate()


@dataclass(frozen=True)
class Uninterrupted:
    """What comes of a verb that nobody kills.

    Arguments:
        result: of the verb.
        seconds, events: that it takes.
        files: of its folder, afterwards.
    """

    result: Any
    seconds: float
    events: int
    files: frozenset[str]


def uninterrupted(run: Run, verb: Verb, sources: Path, folder: Path) -> Uninterrupted:
    shutil.copytree(sources, folder)
    answer = run(verb.words, folder)
    assert answer["status"] == 0, answer["stderr"]
    return Uninterrupted(verb.result(folder), answer["seconds"], answer["events"], files_in(folder))


def files_in(folder: Path) -> frozenset[str]:
    """Paths of all files, but for what the server writes."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return frozenset(found - {"stdout", "stderr"})


def kill(
    run: Run, verb: Verb, whole: Uninterrupted, sources: Path, folder: Path, how: Mapping[str, Any]
) -> tuple[int, str]:
    """Kill a command, go on, and compare; status and last words of the killed one.

    Raises:
        AssertionError: naming what is wrong.
    """
    shutil.copytree(sources, folder)
    killed = run(verb.words, folder, **how)
    left = {name for name in files_in(folder) if ".part" in name}
    assert verb.whole(folder)
    if how["signal"] == signal.SIGKILL:
        assert killed["status"] in (-signal.SIGKILL, 0), killed
    else:
        # One that came too late changes nothing.
        assert killed["status"] in (130, 0), killed
        assert not left, (left, killed)
        lines = killed["stderr"].splitlines()
        assert len(lines) == (killed["status"] == 130), killed
        assert all(line.startswith("lapilli: ") for line in lines), killed
    if killed["status"] == 0:
        assert verb.result(folder) == whole.result
    again = run(verb.again(folder), folder) if killed["status"] else killed
    assert again["status"] == 0, (killed, again)
    assert verb.result(folder) == whole.result, killed
    assert files_in(folder) == whole.files, (killed, files_in(folder) ^ whole.files)
    shutil.rmtree(folder)
    return killed["status"], killed["stderr"].strip()


def moment(whole: Uninterrupted, rng: random.Random, by_time: bool) -> dict[str, Any]:
    """A signal and when it comes."""
    how: dict[str, Any] = {"signal": int(rng.choice(SIGNALS))}
    if by_time:
        return how | {"seconds": rng.uniform(0, 1.05 * whole.seconds)}
    return how | {"event": rng.randint(1, whole.events)}


def kills(
    number: int, seed: int, times: bool, chosen: tuple[str, ...] = (), tell: Callable[[str], None] = lambda line: None
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Kill `number` commands; how often what came of them, and what was wrong.

    Arguments:
        number: of kills.
        seed: of all choices.
        times: whether every other moment is one of time, which no run meets again.
        chosen: names of verbs; all where there are none.
        tell: called with a line for each kill.
    """
    rng = random.Random(seed)
    seen: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        write_files(home / "sources")
        cases = [verb for verb in verbs() if not chosen or verb.name in chosen]
        with server(home) as run:
            known = {verb.name: uninterrupted(run, verb, home / "sources", home / verb.name) for verb in cases}
            for index in range(number):
                verb = cases[index % len(cases)]
                how = moment(known[verb.name], rng, times and index // len(cases) % 2 == 0)
                try:
                    status, words = kill(run, verb, known[verb.name], home / "sources", home / str(index), how)
                    tell(f"{index} {verb.name} {how}: {status} {words}")
                except Exception as error:
                    wrong.append(f"{verb.name}, kill {index} of seed {seed}, {how}: {type(error).__name__} {error}")
                    tell(f"wrong: {wrong[-1]}")
                    continue
                what = f"{signal.Signals(how['signal']).name} {status}"
                seen.setdefault(verb.name, Counter())[what] += 1
    return {name: dict(sorted(counts.items())) for name, counts in seen.items()}, wrong


if __name__ == "__main__":
    begun = time.perf_counter()
    n_kills, chosen_seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    came, failed = kills(n_kills, chosen_seed, True, tuple(sys.argv[3:]), partial(print, flush=True))
    print(json.dumps(came, indent=1))
    print(f"{n_kills} kills, {len(failed)} wrong, {time.perf_counter() - begun:.0f} s")
    sys.exit(bool(failed))
