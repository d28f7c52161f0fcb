"""What decides the class of a sample: a part of the network, behind its output layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lapilli.netx_exports.arrays import whole_number
from lapilli.netx_exports.neurons.kinds import Neuron

READOUTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "voltage_sum": frozenset({"voltage"}),
        "spike_count": frozenset(),
        "softmax_sum": frozenset({"voltage"}),
    }
)
"""Kinds of readout, and which states of the output neurons each reads; `simulators/decisions/scoring.py` runs them."""


@dataclass(frozen=True)
class Readout:
    """How a class is decided: it is the one with the largest score, of equal scores the first.

    Arguments:
        kind: what an output neuron adds to a score over all steps: its voltage ("voltage_sum"), the softmax of all
            neurons' voltages ("softmax_sum"), or its spikes, of graded ones the values ("spike_count").
        classes: number of groups of neighbouring output neurons that are added up, each group a class, as in SLAYER's
            Average block; None: each neuron is a class.
    """

    kind: str
    classes: int | None = None

    def __post_init__(self) -> None:
        if (classes := whole_number(self.classes)) is not None:
            object.__setattr__(self, "classes", classes)

    def problems(self, neuron: Neuron, n_neurons: int) -> list[str]:
        """Everything that is wrong with it behind an output layer of `n_neurons` of these neurons."""
        found = []
        if not isinstance(self.kind, str) or self.kind not in READOUTS:
            found.append(f"kind: must be one of {', '.join(READOUTS)}, got {self.kind!r:.80}")
        elif missing := READOUTS[self.kind] - set(neuron.states):
            states = ", ".join(sorted(missing))
            found.append(f"kind: {self.kind} reads the {states} of the output, which {neuron.model} neurons have not")
        classes = whole_number(self.classes) or 0
        if self.classes is not None and (classes < 1 or n_neurons % classes):
            found.append(f"classes: must divide the {n_neurons} output neurons, got {self.classes!r:.80}")
        return found

    def as_json(self) -> dict[str, Any]:
        """As JSON values, without what is None."""
        return {"kind": self.kind} | ({} if self.classes is None else {"classes": self.classes})


def from_metadata(metadata: Mapping[str, Any]) -> Readout | None:
    """What metadata say of a readout, which had its place there before it was a part of the network."""
    # An average layer in a file is a readout of spikes by itself.
    usual = {"kind": "spike_count"} if "average_outputs" in metadata else None
    said = metadata.get("readout", usual)
    kind = said.get("kind") if isinstance(said, Mapping) else None
    return Readout(kind, metadata.get("average_outputs")) if isinstance(kind, str) else None


def other_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without what `from_metadata` reads; what else stood beside the kind stays."""
    said = metadata.get("readout")
    beside = {name: value for name, value in said.items() if name != "kind"} if isinstance(said, Mapping) else {}
    left = {name: value for name, value in metadata.items() if name not in ("readout", "average_outputs")}
    return left | ({"readout": beside} if beside else {})


def as_metadata(readout: Readout | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as they were while the readout had its place there: what `from_metadata` reads, joined to the others."""
    if readout is None:
        return dict(metadata)
    beside = metadata.get("readout")
    said = dict(sorted({**(beside if isinstance(beside, Mapping) else {}), "kind": readout.kind}.items()))
    groups = {} if readout.classes is None else {"average_outputs": readout.classes}
    return {**metadata, "readout": said, **groups}
