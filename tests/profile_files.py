"""Networks, events and cost tables on which profiles are tested."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import yaml

from lapilli.netx_exports import ConvSynapse, CubaLif, DenseSynapse, Layer, Network, Readout, save
from lapilli.simulators import Events
from lapilli.simulators.bill.kinds import ACCESSES

NEURON = CubaLif(vth_mant=60, current_decay=1024, voltage_decay=256)

TABLE = {
    "name": "mine",
    "title": "a table of our own",
    "node": "7 nm",
    "precision": "8 bits",
    "date": "2026-01",
    "source": "our own measurement",
    "picojoules": {"accumulate": 2.5, "multiply_accumulate": 4, "neuron_update": 8},
    "included": {"state_add": "part of neuron_update", "state_multiply": "part of neuron_update"},
    "leaves_out": dict.fromkeys(("event_sent", "event_delivered", *ACCESSES), "not measured"),
    "remarks": ["the room was warm"],
}


def convolution_and_recurrence(seed: int = 0) -> Network:
    """(2, 5, 4) → (3, 5, 4) → 6, the last one recurrent; decides by spikes."""
    rng = np.random.default_rng(seed)
    kernel = ConvSynapse("input", rng.integers(-20, 60, (3, 2, 3, 3)) * 2, padding=(1, 1))
    dense = DenseSynapse("features", rng.integers(-20, 40, (6, 60)) * (rng.random((6, 60)) < 0.6) * 2)
    recurrence = DenseSynapse("classes", rng.integers(-40, 20, (6, 6)) * 2)
    layers = (Layer("features", (3, 5, 4), NEURON, (kernel,)), Layer("classes", (6,), NEURON, (dense, recurrence)))
    return Network((2, 5, 4), layers, readout=Readout("spike_count"))


def chain(seed: int = 1, name: str = "hidden") -> Network:
    """40 → 12 → 4, without recurrence and without a readout."""
    rng = np.random.default_rng(seed)
    first = Layer(name, (12,), NEURON, (DenseSynapse("input", rng.integers(-20, 60, (12, 40)) * 2),))
    last = Layer("output", (4,), NEURON, (DenseSynapse(name, rng.integers(-20, 60, (4, 12)) * 2),))
    return Network((40,), (first, last))


def graded(seed: int = 2) -> Network:
    """40 graded inputs → 5."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-20, 20, (5, 40)) * 2
    return Network((40,), (Layer("output", (5,), NEURON, (DenseSynapse("input", weights),)),), graded_input=True)


def make_files(folder: Path) -> SimpleNamespace:
    """Paths and what is in them: two networks, a graded one, events for each, an empty file, a table."""
    rng = np.random.default_rng(3)
    spikes = rng.random((70, 2, 5, 4, 12)) < 0.15
    events = Events.from_dense(spikes, labels=rng.integers(0, 6, 70))
    values = Events.from_dense(rng.integers(-9, 10, (5, 40, 8)) * (rng.random((5, 40, 8)) < 0.2))
    found = SimpleNamespace(folder=folder, events=events, values=values)
    found.networks = {"deep.net": convolution_and_recurrence(), "chain.net": chain(), "graded.net": graded()}
    for name, network in found.networks.items():
        save(network, folder / name)
    events.save(folder / "events.npz")
    values.save(folder / "values.npz")
    Events(events.step, events.neuron, events.offsets, 12, (40,)).save(folder / "flat.npz")
    events.select([]).save(folder / "empty.npz")
    Events.from_dense(np.ones((3, 39, 6), np.int32)).save(folder / "narrow.npz")
    Events.from_dense(np.zeros((3, 40, 6), np.int32)).save(folder / "silent.npz")
    write_table(folder / "mine.yaml")
    return found


def write_table(path: Path, **changes: object) -> None:
    """`TABLE` as a file; None leaves a field out."""
    content = {field: value for field, value in (TABLE | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
