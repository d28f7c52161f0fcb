"""Archives of strangers: names and sizes before contents, and records that their run cannot have come to."""

import io
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, FormatError, LapilliError, Layer, Network, Readout
from lapilli.simulators import Events, EventsError
from lapilli.simulators.files import archives, event_facts
from lapilli.simulators.files.archives import open_members
from lapilli.simulators.files.event_facts import MAX_SAMPLES
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.learning import LearningConfig, record
from lapilli.simulators.learning.record import RecordError
from lapilli.simulators.learning.session import LearningSession
from lapilli.simulators.recording import file
from lapilli.simulators.recording.file import RecordingFile
from lapilli.simulators.stream import Simulator, StateError

GOOD: dict[str, Any] = {"step": [0], "neuron": [0], "offsets": [0, 1], "n_steps": 20, "shape": [64]}
MEGABYTES = 4


def bomb(path: Path, good: dict[str, Any], name: str, shape: tuple[int, ...], dtype: str = "<i8") -> None:
    """An archive with one array of zeros that claims and holds `MEGABYTES` in a thousandth."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for other, values in good.items():
            if other != name:
                content = io.BytesIO()
                np.save(content, np.asarray(values))
                archive.writestr(f"{other}.npy", content.getvalue())
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            facts = {"descr": dtype, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, facts)
            for _ in range(MEGABYTES):
                member.write(bytes(1 << 20))


@pytest.fixture
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a quarter of such an array may not be asked for, and no file has as many samples as it has entries."""
    for module in (event_facts, file, record):
        monkeypatch.setattr(module, "MAX_SAMPLES", 1 << 10)
    read = archives.MemberReader.read

    def bounded(self: Any, n: int) -> Any:
        assert n * self.dtype.itemsize < 1 << 20
        return read(self, n)

    monkeypatch.setattr(archives.MemberReader, "read", bounded)


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize("name", ["junk", "offsets", "labels", "n_steps", "shape", "step"])
def test_an_event_file_of_a_thousandth_of_its_claims(tmp_path: Path, name: str) -> None:
    bomb(tmp_path / "bomb.npz", GOOD, name, (MEGABYTES << 17,))
    assert (tmp_path / "bomb.npz").stat().st_size < MEGABYTES << 12
    for read in (Events.load, EventFile):
        with pytest.raises(EventsError, match=rf"bomb\.npz: {name}: "):
            read(tmp_path / "bomb.npz")


@pytest.mark.usefixtures("nothing_is_read")
def test_recordings_states_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, size = tmp_path / "bomb.npz", (MEGABYTES << 17,)
    facts: dict[str, Any] = {"schema": 1, "n_steps": 5, "fingerprint": np.zeros(32, np.uint8), "samples": [0]}
    layer: dict[str, Any] = {"a/shape": [4], "a/step": [0], "a/neuron": [0], "a/offsets": [0, 1]}
    for name in ("junk", "samples", "labels", "a/junk", "a/shape", "a/offsets"):
        bomb(path, facts | layer, name, size)
        with pytest.raises(FormatError):
            RecordingFile(path)
    for name in ("junk", "step", "fingerprint", "neurons"):
        bomb(path, {}, name, size)
        with pytest.raises(StateError):
            Simulator(some_network()).restore_state(path)
    for name in ("junk", "labels", "identity", "weights0", "milliseconds"):
        session().run(path)
        with np.load(path) as found:
            good = dict(found)
        bomb(path, good, name, size)
        with pytest.raises(RecordError):
            session().run(path, resume=True)


def test_an_event_file_cannot_claim_more_events_than_find_room(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "in.npz", **GOOD | {"offsets": [0, 1281], "step": np.zeros(1281, int), "neuron": np.zeros(1281, int)}
    )
    with pytest.raises(EventsError, match="1281 events of one sample do not find room in 20 steps of 64 neurons"):
        EventFile(tmp_path / "in.npz")


def test_arrays_that_lie_over_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one alone claims what may be; together they claim more than their file can hold."""
    monkeypatch.setattr(archives, "_FREE_BYTES", 1 << 13)
    np.savez_compressed(tmp_path / "in.npz", **{f"a{n}": np.zeros(1 << 9) for n in range(40)})
    monkeypatch.setattr(archives, "_MAX_INFLATION", 5)
    with (
        pytest.raises(FormatError, match=r"its arrays claim \d+ bytes in \d+"),
        open_members(tmp_path / "in.npz", FormatError, "f"),
    ):
        pass


@pytest.mark.parametrize("header", [b"(" * 9000, b"[" * 9000, b"{'descr':'<i4','fortran_order':False,'shape':(-2,-3)}"])
def test_headers_that_are_none(tmp_path: Path, header: bytes) -> None:
    np.savez(tmp_path / "in.npz", **{name: values for name, values in GOOD.items() if name != "step"})
    with zipfile.ZipFile(tmp_path / "in.npz", "a") as archive:
        length = len(header) + 1
        archive.writestr("step.npy", b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + header + b"\n" + b"\0" * 24)
    with pytest.raises(EventsError, match=r"in\.npz: "):
        Events.load(tmp_path / "in.npz")


def some_network() -> Network:
    layer = Layer("a", (4,), CubaLif(262143, 1024, 128), (DenseSynapse("input", np.eye(4, 6) * 64),))
    return Network((6,), (layer,), readout=Readout("voltage_sum"))


def session() -> LearningSession:
    rng = np.random.default_rng(0)
    events = Events.from_dense(rng.random((5, 6, 8)) < 0.3, rng.integers(0, 4, 5))
    return LearningSession(some_network(), events, LearningConfig(), None, n_steps=9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_steps": np.array([45, 45])}, "n_steps: must be one number"),
        ({"milliseconds": np.array([1, 1])}, "milliseconds: must be one number"),
        ({"milliseconds": -1}, "milliseconds: must be 0…"),
        ({"labels": np.full(5, -7)}, "labels: must be 0…3, got -7"),
        ({"labels": np.full(5, 3)}, "labels: are not those of the samples"),
        ({"labels": np.full(5, 2**63, np.uint64)}, "labels: must be whole numbers in"),
        ({"decisions": np.full(5, 99)}, "decisions: must be 0…3, got 99…99"),
        ({"n_steps": -5}, "n_steps: must be 45, those of 5 samples, got -5"),
        ({"n_steps": 2**62}, "n_steps: must be 45"),
        ({"n_steps": 54}, "n_steps: must be 45"),
        ({"operations": np.full((5, 5), -2)}, "operations: must be -1…"),
        ({"operations": np.full((5, 5), 2**62)}, "operations: must be -1…"),
        ({"operations": np.zeros((5, 5), int)}, "not those that were written"),
        ({"weights0": np.full((4, 6), -1)}, "not those that were written"),
        ({"milliseconds": 1 << 40}, "not those that were written"),
        ({"checksum": np.zeros(32, np.uint8)}, "not those that were written"),
        ({"checksum": np.zeros(31, np.uint8)}, "checksum: unknown entry"),
        ({"weights0": np.full((4, 6), 70_000)}, "weights0: must be -256…255"),
        ({"weights0": np.zeros((4, 7), int)}, "weights: shapes must be"),
        ({"identity": np.zeros(32, np.uint8)}, "it is of a run with another network"),
        ({"identity": np.zeros((), np.uint8)}, "it is of a run with another network"),
        ({"junk": 1}, "junk: unknown entry"),
        ({name: np.zeros((6, 5) if name == "operations" else 6, int) for name in ("labels", "decisions", "operations")},
         "holds 6 samples of a run that has 5"),
    ],
)  # fmt: skip
def test_a_record_that_its_run_cannot_have_come_to(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "record.npz"
    session().run(path)
    with np.load(path) as found:
        good = dict(found)
    np.savez(path, **good | change)
    with pytest.raises(RecordError, match=message):
        session().run(path, resume=True)
    np.savez(path, **good)
    assert len(session().run(path, resume=True)) == 5


def test_a_record_of_before_has_no_checksum(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    session().run(path)
    with np.load(path) as found:
        np.savez(path, **{name: values for name, values in found.items() if name != "checksum"})
    assert len(session().run(path, resume=True)) == 5


def test_a_bomb_of_gigabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    """As `nothing_is_read`, but measured: in 1.5 GiB of address space, with an array that claims 3 GiB."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in GOOD.items():
            content = io.BytesIO()
            np.save(content, np.asarray(values))
            archive.writestr(f"{name}.npy", content.getvalue())
        archive.writestr("junk.npy", bytes(1 << 20))
    packed = bytearray(path.read_bytes())
    # The directory's word for the size of what is in it; nothing needs to be there.
    entry = packed.rindex(b"PK\x01\x02")
    packed[entry + 24 : entry + 28] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(packed)
    code = "import sys; from lapilli.simulators import Events; Events.load(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29)),
    )
    assert "junk: unknown entry" in done.stderr


def test_the_number_of_samples_is_documented() -> None:
    assert f"{MAX_SAMPLES:,} samples" in (Path(__file__).parents[1] / "docs" / "reference" / "formats.md").read_text()


def test_missing_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="cannot read"):
        Events.load(tmp_path / "none.npz")
