"""Spikes and states that a torch module computed, as the result of a backend."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import Recording, RunResult

MODULE_BATCH = 128
"""Samples that a module runs at a time; bounds the memory that their states take."""

Arrays = dict[str, npt.NDArray[np.int32]]
"""Spikes and states of a layer, (samples, *shape, steps), by name."""


def joined(batches: Sequence[Arrays], layer: Layer, n_steps: int) -> Arrays:
    """Batches one after the other, none of them too."""
    none = np.zeros((0, *layer.shape, n_steps), np.int32)
    return {
        name: np.concatenate([none, *(batch[name] for batch in batches)]) for name in ("spikes", *layer.neuron.states)
    }


def module_result(
    name: str, network: Network, events: Events, plan: RunPlan, arrays: Mapping[str, Arrays], seconds: float
) -> RunResult:
    """What a module did as the result of a backend called `name`.

    Arguments:
        arrays: of each layer: spikes and states, (samples, *shape, steps).
    """
    spikes = {INPUT: events.with_steps(plan.n_steps)}
    for layer, of_layer in arrays.items():
        spikes[layer] = replace(Events.from_dense(of_layer["spikes"]), labels=events.labels)
    recordings = {
        layer: Recording(
            spikes[layer] if "spikes" in kinds else None,
            **{kind: arrays[layer][kind] for kind in ("current", "voltage") if kind in kinds},
        )
        for layer, kinds in plan.record.items()
    }
    counts = counts_from_spikes(network, spikes, plan.n_steps)
    return RunResult(name, spikes[network.output.name], counts, recordings, seconds)
