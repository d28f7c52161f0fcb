"""Files that lapilli wrote before it became one package, and what it ran then; `golden/make.py` made them."""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network, load, load_nir
from lapilli.simulators import Counts, Events, Reset, RunResult

FOLDER = Path(__file__).resolve().parent / "golden"

SUBJECTS = ("plain", "extended", "kinds", "readouts", "run", "stllr-run", "learnt")

_FACTS: dict[str, Any] = json.loads((FOLDER / "before.json").read_text(encoding="utf-8"))

NAMES = tuple(_FACTS)

_PLACES = {
    "conv": "conv.nir",
    "run": "run/model.net",
    "stllr-run": "stllr-run/model.net",
    "learnt": "learnt/model.net",
}


@dataclass(frozen=True)
class Golden:
    """A network of before, its input, and what it did.

    Arguments:
        name: of its files.
        path: of the network.
        events: its input.
        n_steps: that were run.
        fingerprint, output_spikes, decisions, scores: as they were; None where the network did not decide.
        reset: periodic, or None.
        arrays: by layer "NAME/states", (states, samples, neurons x steps), and "NAME/spikes", rows sample, step, neuron
            and, of graded ones, value; "counts/…".
    """

    name: str
    path: Path
    events: Events
    n_steps: int
    fingerprint: str
    output_spikes: int
    decisions: list[int] | None = None
    scores: list[list[int]] | None = None
    reset: Reset | None = None
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def network(self) -> Network:
        """The network as today's code reads it."""
        return load_nir(self.path) if self.path.suffix == ".nir" else load(self.path)


def unpacked(folder: Path) -> Path:
    """All golden files, in a folder."""
    for subject in SUBJECTS:
        with zipfile.ZipFile(FOLDER / f"{subject}.zip") as archive:
            archive.extractall(folder)
    return folder


def golden(folder: Path, name: str) -> Golden:
    """One of `NAMES`, of the files in `folder`."""
    facts = dict(_FACTS[name])
    reset = facts.pop("reset", None)
    with np.load(folder / f"{name}.before.npz") as arrays:
        return Golden(
            name,
            folder / _PLACES.get(name, f"{name}.net"),
            Events.load(folder / f"{name}.events.npz"),
            reset=None if reset is None else Reset(*reset),
            arrays=dict(arrays),
            **facts,
        )


def assert_as_before(known: Golden, network: Network, result: RunResult) -> None:
    """Spikes and states of every layer, and all counts, are what they were.

    Arguments:
        known: what was.
        network: what ran.
        result: with spikes and states of all layers recorded.
    """
    assert result.spikes.n_events == known.output_spikes
    for layer in network.layers:
        recording = result.recordings[layer.name]
        states = [getattr(recording, state).reshape(len(result.spikes), -1) for state in layer.neuron.states]
        assert np.array_equal(np.array(states), known.arrays[f"{layer.name}/states"]), f"states of {layer.name}"
        assert recording.spikes is not None
        assert np.array_equal(rows_of(recording.spikes), known.arrays[f"{layer.name}/spikes"]), layer.name
    assert_counts_as_before(known, result.counts)


def assert_counts_as_before(known: Golden, counts: Counts) -> None:
    """All counts are what they were."""
    for name in ("dendrite_updates", "sent", "payload_bits", "synapse_ops"):
        assert np.array_equal(getattr(counts, name), known.arrays[f"counts/{name}"]), name
    assert np.array_equal(np.concatenate(counts.neuron_events), known.arrays["counts/neuron_events"])


def rows_of(events: Events) -> npt.NDArray[np.int32]:
    """Events as rows: sample, step, neuron and, of graded ones, value."""
    rows = [events.sample_of_event, events.step, events.neuron]
    return np.array(rows if events.value is None else [*rows, events.value], np.int32)
