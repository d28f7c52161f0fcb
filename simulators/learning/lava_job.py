"""One Lava run of a learning network as a file: what the parent writes and the worker reads."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.lava.job import Arrays, read_tree, write_tree
from lapilli.simulators.learning.blueprint import LayerBlueprint, LearningBlueprint, SynapseBlueprint
from lapilli.simulators.learning.config import HiddenRule, Term

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class LearningJob:
    """One Lava run.

    Arguments:
        blueprint: what learns, with the weights to start from.
        labels: of the samples, in their order.
        first_step: steps that were learnt before.
        records: whether to write what happens in each step.
        step, neuron: int32, events of all samples, one after the other, sorted by step.
    """

    blueprint: LearningBlueprint
    labels: npt.NDArray[np.int64]
    first_step: int
    records: bool
    step: Int32
    neuron: Int32

    @property
    def n_steps(self) -> int:
        """Steps of the run."""
        return self.blueprint.period * len(self.labels)

    def save(self, path: Path) -> None:
        """Write the job."""
        tree: dict[str, Any] = {"first_step": self.first_step, "records": self.records}
        arrays: Arrays = {name: getattr(self, name) for name in ("labels", "step", "neuron")}
        tree["blueprint"] = {
            field.name: getattr(self.blueprint, field.name)
            for field in fields(self.blueprint)
            if field.name not in ("layers", "synapses")
        }
        for kind in ("layers", "synapses"):
            tree[kind] = []
            for number, part in enumerate(getattr(self.blueprint, kind)):
                values = asdict(part)
                tree[kind].append({name: v for name, v in values.items() if not isinstance(v, np.ndarray)})
                arrays |= {f"{kind}/{number}/{n}": v for n, v in values.items() if isinstance(v, np.ndarray)}
        write_tree(path, tree, arrays)

    @classmethod
    def load(cls, path: Path) -> "LearningJob":
        """Read a job."""
        tree, arrays = read_tree(path)
        parts: dict[str, list[dict[str, Any]]] = {}
        for kind in ("layers", "synapses"):
            parts[kind] = []
            for number, values in enumerate(tree[kind]):
                prefix = f"{kind}/{number}/"
                own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
                parts[kind].append({**values, **own})
        layers = tuple(
            LayerBlueprint(**{"feedback": None, **entry, "rule": _rule(entry["rule"])}) for entry in parts["layers"]
        )
        synapses = tuple(
            SynapseBlueprint(**{**entry, "causal": Term(**entry["causal"]), "non_causal": Term(**entry["non_causal"])})
            for entry in parts["synapses"]
        )
        blueprint = LearningBlueprint(layers=layers, synapses=synapses, **tree["blueprint"])
        return cls(blueprint, arrays["labels"], tree["first_step"], tree["records"], arrays["step"], arrays["neuron"])


def _rule(values: dict[str, Any] | None) -> HiddenRule | None:
    if values is None:
        return None
    terms = {name: Term(**values[name]) for name in ("causal", "non_causal")}
    return HiddenRule(**{**values, **terms})
