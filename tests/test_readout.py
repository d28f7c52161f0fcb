"""What decides is part of a network: in its fingerprint and its files, and in those written when it was metadata."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lapilli import cli
from lapilli.netx_exports import (
    CubaLif,
    DenseSynapse,
    FormatError,
    LapilliError,
    Layer,
    Network,
    NetworkError,
    Readout,
    ResonateAndFire,
    from_nir,
    inspect,
    load,
    load_nir,
    save,
    save_nir,
    to_nir,
)
from lapilli.netx_exports.readout import READOUTS, as_metadata
from lapilli.simulators import Events
from lapilli.simulators.decisions.decide import decides
from lapilli.simulators.decisions.scoring import SCORINGS
from lapilli.simulators.learning.config import LearningConfig, LearningError, ReadoutRule, Term
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.simulators.learning.learner import learn
from lapilli.simulators.learning.session import LearningSession
from lapilli.simulators.stream import Simulator

ALL = [Readout(kind, classes) for kind in READOUTS for classes in (None, 1, 3, 6)]

WRITTEN = {
    # Metadata as scripts gave them before there was a field, and the readout that they meant.
    "kind": ({"readout": {"kind": "softmax_sum"}}, Readout("softmax_sum")),
    "groups": ({"average_outputs": 3}, Readout("spike_count", 3)),
    "both": ({"readout": {"kind": "voltage_sum"}, "average_outputs": 2}, Readout("voltage_sum", 2)),
    "more": ({"readout": {"gain": 3, "kind": "voltage_sum"}, "names": ["a"]}, Readout("voltage_sum")),
}
LEFT = {"more": {"readout": {"gain": 3}, "names": ["a"]}}

UNFIT: list[dict[str, Any]] = [
    {"readout": {"kind": "softmax"}},
    {"readout": {"kind": ["voltage_sum"]}},
    {"readout": {}},
    {"readout": "spike_count"},
    {"readout": {"kind": "spike_count"}, "average_outputs": 4},
    {"average_outputs": 0},
    {"average_outputs": "3"},
]


def network(readout: Readout | None = None, *, skip: bool = False, **options: Any) -> Network:
    """5 → 6; with a second synapse from the input it has no plain form."""
    rng = np.random.default_rng(3)
    n_synapses = 2 if skip else 1
    synapses = [DenseSynapse("input", rng.integers(-40, 60, (6, 5)) * 2) for _ in range(n_synapses)]
    return Network((5,), (Layer("out", (6,), CubaLif(90, 1024, 256), tuple(synapses)),), readout=readout, **options)


def own(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata without what reading a file adds."""
    return {name: value for name, value in metadata.items() if not name.startswith("netx_")}


def test_every_kind_can_be_run() -> None:
    assert SCORINGS.keys() == READOUTS.keys()


@pytest.mark.parametrize("readout", ALL)
@pytest.mark.parametrize("skip", [False, True])
def test_it_survives_files(tmp_path: Path, readout: Readout, skip: bool) -> None:
    before = network(readout, skip=skip, metadata={"names": ["a"]})
    save(before, tmp_path / "a.net")
    after = load(tmp_path / "a.net")
    assert inspect(tmp_path / "a.net").form == ("extended" if skip else "plain")
    assert (after, after.readout, own(dict(after.metadata))) == (before, readout, {"names": ["a"]})
    save(after, tmp_path / "b.net")
    assert load(tmp_path / "b.net") == before
    assert replace(after, layers=before.layers) == before


@pytest.mark.parametrize("readout", [None, *ALL])
def test_it_survives_nir(tmp_path: Path, readout: Readout | None) -> None:
    pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")
    before = network(readout)
    save_nir(before, tmp_path / "a.nir")
    for after in (load_nir(tmp_path / "a.nir"), from_nir(to_nir(before))):
        assert (after, after.readout, dict(after.metadata)) == (before, readout, {})


@pytest.mark.parametrize("skip", [False, True])
def test_files_without_a_readout_are_as_they_were(tmp_path: Path, skip: bool) -> None:
    save(network(skip=skip), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        assert skip or "readout" not in json.loads(file.attrs["lapilli"])
        assert not skip or "readout" not in file["lapilli"]


@pytest.mark.parametrize("name", WRITTEN)
def test_metadata_of_scripts_become_the_field(name: str) -> None:
    metadata, readout = WRITTEN[name]
    found = network(metadata=metadata)
    assert (found.readout, dict(found.metadata)) == (readout, LEFT.get(name, {}))
    assert found == network(readout)
    assert network(readout, metadata=metadata) == found


def with_metadata(path: Path, metadata: dict[str, Any]) -> None:
    """Write them as the metadata of a file, where files had the readout once."""
    with h5py.File(path, "r+") as file:
        if "lapilli" in file:
            del file["lapilli/metadata"]
            file["lapilli/metadata"] = np.frombuffer(json.dumps(metadata, sort_keys=True).encode(), np.uint8)
        else:
            note = json.loads(file.attrs["lapilli"]) | {"metadata": metadata}
            file.attrs["lapilli"] = np.bytes_(json.dumps(note, sort_keys=True).encode())


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("skip", [False, True])
def test_files_of_before_mean_the_same(tmp_path: Path, name: str, skip: bool) -> None:
    metadata: Any
    metadata, readout = WRITTEN[name]
    save(network(skip=skip), tmp_path / "a.net")
    with_metadata(tmp_path / "a.net", metadata)
    found = load(tmp_path / "a.net")
    assert (found, own(dict(found.metadata))) == (network(readout, skip=skip), LEFT.get(name, {}))


@pytest.mark.parametrize("name", WRITTEN)
def test_nir_files_of_before_mean_the_same(tmp_path: Path, name: str) -> None:
    pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")
    metadata, readout = WRITTEN[name]
    save_nir(network(metadata={"names": ["a"]}), tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir", "r+") as file:
        place = "node/metadata/lapilli" if "node/metadata/lapilli" in file else "metadata/lapilli"
        del file[place]
        file[place] = np.frombuffer(json.dumps(metadata, sort_keys=True).encode(), np.uint8)
    found = load_nir(tmp_path / "a.nir")
    assert (found, dict(found.metadata)) == (network(readout), LEFT.get(name, {}))


@pytest.mark.parametrize("metadata", UNFIT)
def test_metadata_that_are_no_readout_of_the_network_stay(tmp_path: Path, metadata: dict[str, Any]) -> None:
    """A file of before that says it loads as it did, and does not decide."""
    for skip in (False, True):
        save(network(skip=skip), tmp_path / "a.net")
        with_metadata(tmp_path / "a.net", metadata)
        for found in (load(tmp_path / "a.net"), network(skip=skip, metadata=metadata)):
            assert (found, own(dict(found.metadata)), decides(found)) == (network(skip=skip), metadata, False)


def test_states_that_the_output_has_not() -> None:
    neuron = ResonateAndFire(90, 4000, 100)
    layers = (Layer("out", (6,), neuron, (DenseSynapse("input", np.ones((6, 5), int) * 2),)),)
    message = "readout: kind: voltage_sum reads the voltage of the output, which RF_PHASE neurons have not"
    with pytest.raises(NetworkError, match=message):
        Network((5,), layers, readout=Readout("voltage_sum"))
    said = {"readout": {"kind": "voltage_sum"}}
    assert Network((5,), layers, said).metadata == said
    assert decides(Network((5,), layers, readout=Readout("spike_count")))


@pytest.mark.parametrize(
    ("readout", "message"),
    [
        (Readout("softmax"), "readout: kind: must be one of voltage_sum, spike_count, softmax_sum, got 'softmax'"),
        (Readout([1]), r"readout: kind: must be one of .*, got \[1\]"),  # type: ignore[arg-type]
        (Readout("spike_count", 4), "readout: classes: must divide the 6 output neurons, got 4"),
        (Readout("spike_count", 0), "readout: classes: must divide the 6 output neurons, got 0"),
        (Readout("spike_count", 7), "readout: classes: must divide the 6 output neurons, got 7"),
        (Readout("spike_count", 2.0), "readout: classes: must divide the 6 output neurons, got 2.0"),  # type: ignore[arg-type]
        ({"kind": "spike_count"}, "readout: must be a Readout, got {'kind': 'spike_count'}"),
    ],
)
def test_readouts_that_are_wrong(readout: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network(readout)


def test_metadata_that_say_something_else() -> None:
    with pytest.raises(NetworkError, match=r"readout: is Readout\(.*'spike_count'.*, but metadata say .*'voltage_sum'"):
        network(Readout("spike_count"), metadata={"readout": {"kind": "voltage_sum"}})


def note(readout: object) -> Callable[[h5py.File], None]:
    """Edit of a plain file."""

    def edit(file: h5py.File) -> None:
        file.attrs["lapilli"] = np.bytes_(json.dumps({**json.loads(file.attrs["lapilli"]), "readout": readout}))

    return edit


def fields(**values: Any) -> Callable[[h5py.File], None]:
    """Edit of an extended file."""

    def edit(file: h5py.File) -> None:
        del file["lapilli/readout"]
        for name, value in values.items():
            file[f"lapilli/readout/{name}"] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (note([]), "attribute `lapilli`: has no sound readout"),
        (note({"classes": 3}), "attribute `lapilli`: has no sound readout"),
        (note({"kind": "spike_count", "more": 1}), "attribute `lapilli`: has no sound readout"),
        (
            note({"kind": "softmax"}),
            "readout: kind: must be one of voltage_sum, spike_count, softmax_sum, got 'softmax'",
        ),
        (note({"kind": {}}), "readout: kind: must be one of voltage_sum, spike_count, softmax_sum, got {}"),
        (note({"kind": "spike_count", "classes": 4}), "readout: classes: must divide the 6 output neurons, got 4"),
        (fields(classes=3), "`lapilli/readout/kind`: missing"),
        (fields(kind=b"softmax"), "`lapilli/readout/kind`: must be one of voltage_sum, spike_count, softmax_sum"),
        (fields(kind=b"spike_count", classes=0), "`lapilli/readout/classes`: must be whole numbers in 1…"),
        (fields(kind=b"spike_count", classes=4), "readout: classes: must divide the 6 output neurons, got 4"),
        (fields(kind=b"spike_count", more=1), "`lapilli/readout/more`: unknown here"),
    ],
)
def test_readouts_of_files_that_are_wrong(tmp_path: Path, edit: Callable[[h5py.File], None], message: str) -> None:
    save(network(Readout("spike_count"), skip="fields" in edit.__qualname__), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net", "r+") as file:
        edit(file)
    with pytest.raises(FormatError) as caught:
        load(tmp_path / "a.net")
    assert any(problem.startswith(message) for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(("text", "message"), [(b"[]", "must be a JSON object"), (b"{}", "must be an object of kind")])
def test_readouts_of_nir_files_that_are_wrong(text: bytes, message: str) -> None:
    pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")
    graph = to_nir(network(Readout("spike_count")))
    graph.metadata["lapilli_readout"] = np.frombuffer(text, np.uint8)
    with pytest.raises(FormatError, match=f"metadata/lapilli_readout.*: {message}"):
        from_nir(graph)


def test_it_is_in_the_fingerprint() -> None:
    found = [network(readout) for readout in (None, *ALL)]
    assert len({one.fingerprint for one in found}) == len({hash(one) for one in found}) == len(ALL) + 1
    assert {one.run_fingerprint for one in found} == {network().fingerprint}
    assert network(Readout("spike_count", np.int64(3))).fingerprint == network(Readout("spike_count", 3)).fingerprint  # type: ignore[arg-type]


BEFORE = "70c6c4709dfa32e5fe14dadd3b60d9e25ae7e0650aaf59d8ebd5eba3288e1789"
"""Fingerprint of `fresh_network((5,), [6], 3, 4)` when its readout was in its metadata, at commit a79ecc1."""

RUN_BEFORE = "d7f1f62cddd016e40c9fcadc3e6de006cc39dd28f70d735e2bf23982cc5d6c2f"
"""Identity of a learning run of that network then, which the record of a run that goes on must have."""


def test_fingerprints_of_before_are_those_of_what_runs() -> None:
    learner = fresh_network((5,), [6], 3, 4)
    assert learner.readout == Readout("voltage_sum")
    assert learner.run_fingerprint == BEFORE != learner.fingerprint


def test_learning_runs_of_before_go_on() -> None:
    events = Events.from_dense(np.eye(5, dtype=int)[None].repeat(2, 0), labels=np.array([0, 2]))
    # The factor that was the default then.
    config = LearningConfig(readout=ReadoutRule(causal=Term(-1)))
    session = LearningSession(fresh_network((5,), [6], 3, 4), events, config, None, 7, 2, 5)
    assert session.identity.hex() == RUN_BEFORE


def test_learning_runs_that_decide_otherwise_are_others() -> None:
    events = Events.from_dense(np.eye(5, dtype=int)[None].repeat(2, 0), labels=np.array([0, 2]))
    learner = fresh_network((5,), [6], 3, 4)
    other = replace(learner, readout=Readout("softmax_sum"))
    sessions = [LearningSession(one, events, LearningConfig(), None, 7, 2, 5) for one in (learner, other)]
    assert len({session.identity for session in sessions}) == 2


def test_what_does_not_fit_does_not_learn() -> None:
    events = Events.from_dense(np.eye(5, dtype=int)[None], labels=np.array([2]))
    learner = replace(fresh_network((5,), [6], 3, 4), readout=None, metadata={"readout": {"kind": "softmax"}})
    with pytest.raises(LearningError, match="readout: must be voltage_sum or softmax_sum to learn, got 'softmax'"):
        learn(learner, events)


def test_states_of_before_are_gone_on_from(tmp_path: Path) -> None:
    """A state is of what runs: it held the fingerprint without a readout, and does so still."""
    first = Simulator(network())
    first.step([1, 2])
    first.save_state(tmp_path / "state.npz")
    second = Simulator(network(Readout("spike_count")))
    second.restore_state(tmp_path / "state.npz")
    other = Simulator(network(skip=True))
    with pytest.raises(LapilliError, match="belongs to another network"):
        other.restore_state(tmp_path / "state.npz")


def test_metadata_as_they_were() -> None:
    metadata: Any
    for metadata, readout in WRITTEN.values():
        found = network(metadata=metadata)
        kind: dict[str, Any] = {"readout": {"kind": readout.kind}}
        assert as_metadata(found.readout, found.metadata) == kind | metadata
    odd = network(Readout("spike_count"), metadata={"readout": "by hand"})
    assert as_metadata(odd.readout, odd.metadata) == {"readout": {"kind": "spike_count"}}
    assert as_metadata(None, {"a": 1}) == {"a": 1}


def test_inspection_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(network(Readout("spike_count", 3)))
    assert (found.readout, found.run_fingerprint) == (Readout("spike_count", 3), network().fingerprint)
    assert found.to_json()["readout"] == {"kind": "spike_count", "classes": 3}
    assert inspect(network()).to_json()["readout"] is None
    save(network(Readout("spike_count", 3)), tmp_path / "a.net")
    assert cli.main(["inspect", str(tmp_path / "a.net")]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("decides by spike_count of 3 groups of neighbouring output neurons")
    assert lines[at + 1] == f"fingerprint without the readout {network().fingerprint}"
    assert lines[at + 2] == f"fingerprint {found.fingerprint}"
