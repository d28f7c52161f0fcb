"""Faults: a killed parent, a bad step in a stream, a damaged event file. A clear error, no hang, no wrong result.

A killed worker is in `test_many.py`, a killed or hanging Lava in `test_lava_backend.py` and `test_process_guard.py`.
"""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from groups import alive, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, DirectSynapse, Layer, Network, save
from lapilli.simulators import Events, EventsError, events_equal, many
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.many import parts_of, run_parts
from lapilli.simulators.stream import Simulator

N_SAMPLES = 70


def network() -> Network:
    rng = np.random.default_rng(0)
    neuron = CubaLif(vth_mant=90, current_decay=1024, voltage_decay=256)
    hidden = Layer("hidden", (12,), neuron, (DenseSynapse("input", rng.integers(-40, 60, (12, 20)) * 2),))
    return Network((20,), (hidden,))


# A killed parent.


def commands(group: int) -> list[str]:
    """Command lines of the processes of a group."""
    found = []
    for process in alive(group):
        try:
            found.append(Path(f"/proc/{process}/cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def has_worked(group: int) -> bool:
    """Whether two workers of the group have spent half a second of processor time each: they are in their work."""
    spent = 0
    for process in alive(group):
        try:
            is_worker = "LokyProcess" in Path(f"/proc/{process}/cmdline").read_text()
            ticks = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])
        except OSError:
            continue
        spent += is_worker and ticks / os.sysconf("SC_CLK_TCK") > 0.5
    return spent == 2


def test_when_the_parent_is_killed_its_workers_end_and_no_output_appears(tmp_path: Path) -> None:
    save(network(), tmp_path / "model.net")
    Events.from_dense(np.random.default_rng(1).random((2048, 20, 400)) < 0.2).save(tmp_path / "in.npz")
    words = ["simulate", "model.net", "--input", "in.npz", "--out", "out.npz", "--jobs", "2"]
    parent = subprocess.Popen(
        [sys.executable, "-m", "lapilli", *words, "--backend", "reference"], cwd=tmp_path, start_new_session=True
    )
    try:
        assert wait_until(lambda: has_worked(parent.pid), 60), commands(parent.pid)
        assert parent.poll() is None
        parent.kill()
        parent.wait()
        assert wait_until(lambda: not alive(parent.pid), 10), f"left: {commands(parent.pid)}"
    finally:
        if alive(parent.pid):
            os.killpg(parent.pid, signal.SIGKILL)
    left = [path for path in tmp_path.iterdir() if path.name not in ("model.net", "in.npz")]
    assert not (tmp_path / "out.npz").exists()
    # What was being written has another name, and is refused by whoever opens it all the same.
    assert all(path.name.startswith(".out.npz.") and path.suffix == ".part" for path in left)
    for path in left:
        with pytest.raises(EventsError, match="not an npz file"):
            EventFile(path)


def test_no_worker_outlives_a_parent_that_died_before_the_worker_began() -> None:
    code = (
        "import os, sys; from lapilli.simulators.many import _end_with; _end_with(int(sys.argv[1])); print('went on')"
    )
    # Its parent is this process, and not the one that it is told.
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        done = subprocess.run([sys.executable, "-c", code, str(other.pid)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        done = subprocess.run(
            [sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "went on\n")
    finally:
        other.communicate(b"\n")
    done = subprocess.run([sys.executable, "-c", code, str(other.pid)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.slow
def test_work_for_a_cluster_is_not_done_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    events = Events.from_dense(np.random.default_rng(1).random((N_SAMPLES, 20, 9)) < 0.2)
    events.save(tmp_path / "in.npz")
    monkeypatch.setenv("HERE", str(os.getpid()))
    monkeypatch.setattr(many, "_run_kept", _run_elsewhere)
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=2, **options) as cluster:
        parts = parts_of(EventFile(tmp_path / "in.npz"))
        results = [result for _, result in run_parts(network(), parts, scheduler=cluster.scheduler_address)]
    assert sum(len(result.spikes) for result in results) == N_SAMPLES


def _run_elsewhere(*arguments: Any, **options: Any) -> Any:
    from lapilli.simulators.many import _run_kept

    assert os.environ["HERE"] != str(os.getpid())
    return _run_kept(*arguments, **options)


# A bad step in the middle of a stream.

Step = tuple[Any, ...]


def bad_steps(n_inputs: int, graded: bool) -> list[Step]:
    """Steps that no network with these inputs takes, each wrong in one way."""
    steps: list[Step] = [
        ([n_inputs],),
        ([-1],),
        ([0, 2**40],),
        (np.array([2**63], np.uint64),),
        ([2**70],),
        ([0, 0],),
        ([0.0],),
        (np.array([0], np.float32),),
        (np.array([True]),),
        (["0"],),
        ([None],),
        ([[0]],),
        ([[0], [0, 1]],),
        (0,),
        (None,),
        ("0",),
        ([0], [1, 1]),
        ([0], []),
    ]
    values = [[0], [0.5], [2**31], [-(2**31) - 1], [2**70], [None], ["1"], [[1]], [[1], [1, 2]], 1]
    return steps + ([([0], value) for value in values] if graded else [([0], [2])])


def graded_network() -> Network:
    rng = np.random.default_rng(2)
    first = Layer("first", (5,), CubaLif(200, 4096, 512), (DirectSynapse(),))
    second = Layer("second", (3,), CubaLif(90, 1024, 256), (DenseSynapse("first", rng.integers(-40, 60, (3, 5)) * 2),))
    return Network((5,), (first, second), graded_input=True)


@pytest.mark.parametrize("graded", [False, True])
def test_every_kind_of_bad_step_is_one_clear_error(graded: bool) -> None:
    simulator = Simulator(graded_network() if graded else network())
    for step in bad_steps(simulator.network.n_inputs, graded):
        with pytest.raises(EventsError) as raised:
            simulator.step(*step)
        assert raised.value.subject == "step 0"
        assert len(raised.value.problems) == 1
    assert simulator.n_steps == 0


@pytest.mark.slow
@settings(max_examples=100)
@given(case=cases(max_layers=3, max_samples=1, conv_delays=True), data=st.data())
def test_bad_steps_leave_no_trace_in_any_network(case: Case, data: st.DataObject) -> None:
    network, events = case.network, case.events.with_steps(case.n_steps)
    disturbed, other = Simulator(network), Simulator(network)
    bad = st.sampled_from(bad_steps(network.n_inputs, network.graded_input))
    for step in range(case.n_steps):
        for wrong in data.draw(st.lists(bad, max_size=2)):
            with pytest.raises(EventsError):
                disturbed.step(*wrong)
        now = events.step == step
        values = None if events.value is None else events.value[now]
        assert np.array_equal(disturbed.step(events.neuron[now], values), other.step(events.neuron[now], values))
        for layer in network.layers:
            assert np.array_equal(disturbed.spikes(layer.name), other.spikes(layer.name))
            assert np.array_equal(disturbed.voltage(layer.name), other.voltage(layer.name))
            assert np.array_equal(disturbed.current(layer.name), other.current(layer.name))
    assert disturbed.n_steps == case.n_steps
    assert disturbed.counts == other.counts


# A damaged event file.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, an event file, stored and compressed, and what the network answers."""
    folder = tmp_path_factory.mktemp("damaged")
    save(network(), folder / "model.net")
    rng = np.random.default_rng(1)
    Events.from_dense(rng.random((N_SAMPLES, 20, 9)) < 0.2, np.arange(N_SAMPLES) % 7).save(folder / "packed.npz")
    with np.load(folder / "packed.npz") as archive:
        np.savez(folder / "stored.npz", **dict(archive))
    words = ["--input", str(folder / "packed.npz"), "--out", str(folder / "expected.npz")]
    assert cli.main(["simulate", str(folder / "model.net"), *words]) == 0
    return folder


def simulate(folder: Path, content: bytes) -> Events | str:
    """What `lapilli simulate` writes for a file of this content, or its error after everything was checked of it."""
    damaged, output = folder / "damaged.npz", folder / "output.npz"
    damaged.write_bytes(content)
    output.unlink(missing_ok=True)
    complaints: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "complain", complaints.append)
        status = cli.main(["simulate", str(folder / "model.net"), "--input", str(damaged), "--out", str(output)])
    if status == 0:
        return Events.load(output)
    assert status == 2, complaints
    assert len(complaints) == 1
    assert complaints[0].startswith(str(damaged))
    assert not output.exists()
    assert not [path for path in folder.iterdir() if path.suffix == ".part"]
    return complaints[0]


def assert_refused_or_harmless(folder: Path, content: bytes) -> bool:
    """Whether the damage was refused; if not, it must not show in the result."""
    answer, expected = simulate(folder, content), Events.load(folder / "expected.npz")
    if isinstance(answer, str):
        return True
    assert events_equal(answer, expected)
    assert answer.labels is not None
    assert answer.labels.tolist() == expected.labels.tolist()
    return False


@pytest.mark.slow
@settings(max_examples=150)
@given(data=st.data(), kind=st.sampled_from(["packed.npz", "stored.npz"]))
def test_flipped_bits_are_refused_or_have_no_effect(folder: Path, data: st.DataObject, kind: str) -> None:
    content = bytearray((folder / kind).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert_refused_or_harmless(folder, bytes(content))


@pytest.mark.parametrize("kind", ["packed.npz", "stored.npz"])
def test_damaged_lengths_in_the_directory_are_refused(folder: Path, kind: str) -> None:
    """A damaged length of a comment swallows the entries that follow: labels would be missing without a word."""
    content = (folder / kind).read_bytes()
    *others, last = entries(content)
    for place in (at + field for at in others for field in range(28, 34)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        assert assert_refused_or_harmless(folder, bytes(damaged)), place
    assert len(others) == 5
    assert b"labels" in content[last:]


def entries(content: bytes) -> list[int]:
    """Where the entries of an archive's directory begin."""
    places, at = [], content.find(b"PK\x01\x02")
    while at >= 0:
        places.append(at)
        at = content.find(b"PK\x01\x02", at + 1)
    return places


@settings(max_examples=40)
@given(data=st.data(), kind=st.sampled_from(["packed.npz", "stored.npz"]))
def test_truncated_files_are_refused(folder: Path, data: st.DataObject, kind: str) -> None:
    content = (folder / kind).read_bytes()
    assert assert_refused_or_harmless(folder, content[: data.draw(st.integers(0, len(content) - 1))])


@pytest.mark.parametrize("member", ["step", "neuron", "offsets", "labels", "n_steps", "shape"])
def test_flipped_bytes_inside_an_array_are_refused(folder: Path, member: str) -> None:
    """Also in its header, and where the rest of the array still looks like events."""
    content = (folder / "stored.npz").read_bytes()
    with zipfile.ZipFile(folder / "stored.npz") as archive:
        info = archive.getinfo(f"{member}.npy")
    data = content.index(b"\x93NUMPY", info.header_offset)
    for place in (data + info.file_size - 1, data + info.file_size - 4, content.index(b"<i", data) + 2):
        damaged = bytearray(content)
        damaged[place] ^= 6
        assert assert_refused_or_harmless(folder, bytes(damaged)), place


def test_a_file_that_is_replaced_while_it_is_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    dense = np.random.default_rng(1).random((N_SAMPLES, 20, 9)) < 0.2
    Events.from_dense(dense).save(path)
    file = EventFile(path)
    assert len(list(file.chunks(64))) == 2
    dense[-1] = True
    Events.from_dense(dense).save(path)
    with pytest.raises(EventsError, match=r"in\.npz: it has changed since it was opened"):
        list(file.chunks(64))


Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda good: {"offsets": good["offsets"][::-1]}, "offsets: must rise from 0"),
        (lambda good: {"offsets": falling(good["offsets"])}, "offsets: must rise from 0"),
        (lambda good: {"offsets": overflowing(good["offsets"])}, "offsets: must rise from 0"),
        (lambda good: {"offsets": good["offsets"] + 1}, "offsets: must rise from 0"),
        (lambda good: {"offsets": good["offsets"].astype(float)}, "offsets: must be integers and complete"),
        (lambda good: {"step": good["step"][:-1]}, "step: needs"),
        (lambda good: {"step": good["step"] + 1}, "samples 0…63: step: must be 0…8, got 9"),
        (lambda good: {"neuron": good["neuron"][::-1]}, "samples 0…63: events must be sorted"),
        (lambda good: {"neuron": good["neuron"].astype(np.int64) + 2**33}, "samples 0…63: neuron: must fit int32"),
        (lambda good: {"neuron": good["neuron"].astype(object)}, "damaged"),
        (lambda good: {"labels": good["labels"][:-1]}, "labels: needs one entry for each of 70 samples"),
        (lambda good: {"n_steps": np.int64(-1)}, "n_steps: must be 0…"),
        (lambda good: {"n_steps": np.int64(2**62)}, "n_steps: must be 0…"),
        (lambda good: {"shape": np.array([-20])}, "shape: must be"),
        (lambda good: {"shape": np.array([2, 10])}, "shape: must be"),
        (lambda good: {"extra": np.zeros(1, int)}, "extra: unknown entry"),
    ],
)
def test_files_that_are_whole_but_contradict_themselves_are_refused(folder: Path, change: Change, message: str) -> None:
    with np.load(folder / "stored.npz") as archive:
        good = dict(archive)
    np.savez(folder / "changed.npz", **(good | change(good)))
    answer = simulate(folder, (folder / "changed.npz").read_bytes())
    assert isinstance(answer, str)
    assert message in answer


def falling(offsets: Any) -> Any:
    changed = offsets.copy()
    changed[3] = changed[2] - 1
    return changed


def overflowing(offsets: Any) -> Any:
    """Offsets whose differences are positive in 64 bits, because they wrap."""
    changed = offsets.copy()
    changed[1:3] = 9 * 10**18, -9 * 10**18
    assert np.all(np.diff(changed) >= 0)
    return changed
