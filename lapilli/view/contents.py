"""What a page holds, as JSON values: facts of the network and of all samples, then each sample apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapilli.netx_exports import Layer
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.printable import printable
from lapilli.simulators.events import Events
from lapilli.view.packing import packed
from lapilli.view.watching import Plan, Watched


@dataclass(frozen=True)
class Origin:
    """What a page says of where it comes from.

    Arguments:
        network: name of the network.
        source: name of the samples.
        input_steps: steps of a sample's own.
        step_ms: width of a step in ms; None where it is not known.
        classes: names of the classes by their numbers, where they are known.
        why_undecided: why no class is decided; "" where one is.
    """

    network: str
    source: str
    input_steps: int
    step_ms: float | None
    classes: Mapping[int, str]
    why_undecided: str


def facts(plan: Plan, origin: Origin) -> dict[str, Any]:
    """What holds for all samples."""
    network = plan.network
    layers = [_source(INPUT, network.input_shape), *(_layer(layer, plan) for layer in network.layers)]
    return {
        "network": printable(origin.network),
        "source": printable(origin.source),
        "steps": plan.n_steps,
        "input_steps": origin.input_steps,
        "step_ms": origin.step_ms,
        "classes": {str(number): printable(name) for number, name in origin.classes.items()},
        "readout": network.readout.kind if network.readout is not None and plan.decided else None,
        "why_undecided": printable(origin.why_undecided),
        "layers": layers,
    }


def sample_facts(sample: Watched) -> dict[str, Any]:
    """What the list of samples says of one."""
    return {"number": sample.number, "label": sample.label, "decision": sample.decision}


def sample_contents(sample: Watched) -> dict[str, Any]:
    """What a sample's pictures are drawn from, layer by layer as in `facts`."""
    return {
        "spikes": [_spikes(events) for events in sample.spikes.values()],
        "states": [
            {kind: packed(values) for kind, values in sample.states.get(name, {}).items()} for name in sample.spikes
        ],
        "operations": packed(sample.operations),
        "scores": None if sample.scores is None else packed(sample.scores),
    }


def _source(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    size = int(np.prod(shape))
    return {"name": printable(name), "shape": list(shape), "size": size, "states": [], "fires_by": None}


def _layer(layer: Layer, plan: Plan) -> dict[str, Any]:
    neuron, states = layer.neuron, plan.states.get(layer.name, ())
    found = _source(layer.name, layer.shape) | {"states": list(states), "never_spikes": neuron.never_spikes}
    if neuron.fires_by in states and not neuron.never_spikes:
        mantissas = neuron.per_neuron("vth_mant", layer.shape).astype(np.int64)
        found |= {"fires_by": neuron.fires_by, "thresholds": packed(mantissas << 6)}
    return found


def _spikes(events: Events) -> dict[str, Any]:
    """Spikes of a sample: where those of each step begin, then neuron and value of each."""
    begins = np.searchsorted(events.step, np.arange(events.n_steps + 1))
    values = None if events.value is None else packed(events.value)
    return {"begins": packed(begins), "neurons": packed(events.neuron), "values": values}
