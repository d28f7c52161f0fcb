"""`inspect`: what a network or a file holds, layer by layer, and what stock Lava would do with it."""

import os
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.chip.needs import ChipNeeds, chip_needs
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.netx.reader import FileContent, read_file
from lapilli.netx_exports.netx.stock import is_plain, layer_type, stock_problems
from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.netx_exports.one_step import WindowSchedule, window_schedule_of
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.schedules import Schedule, schedule_of
from lapilli.netx_exports.synapses.synapse import Shape, Synapse

Range = tuple[int, int]
"""Smallest and largest value."""


@dataclass(frozen=True)
class SynapseFacts:
    """One synapse.

    Arguments:
        source: layer, or "input".
        kind: name of the kind.
        port: the input of the neurons that it feeds.
        weights: range of the weights that run, without `weight_exp`.
        weight_bits: bits that hold each weight, sign included; 0 for a direct synapse, which has none.
        weight_exp: exponent of the sum.
        sign_mode: "mixed", "excitatory" or "inhibitory".
        n_weights: number of stored weights.
        n_nonzero: how many of them are not 0.
        delays: range in steps, on top of the step that the synapse takes itself.
    """

    source: str
    kind: str
    port: str
    weights: Range
    weight_bits: int
    weight_exp: int
    sign_mode: str
    n_weights: int
    n_nonzero: int
    delays: Range


@dataclass(frozen=True)
class NeuronFacts:
    """A layer's neurons.

    Arguments:
        model: name of the kind.
        parameters: range of each integer parameter over the layer, by name.
        words: parameters that are text, as the activation function of sigma-delta neurons.
    """

    model: str
    parameters: dict[str, Range]
    words: dict[str, str]


@dataclass(frozen=True)
class LayerFacts:
    """One layer; `type` is NetX's ("input", "conv", "dense", "dense_rec"), or "extended" where NetX has none."""

    name: str
    type: str
    shape: Shape
    n_neurons: int
    neuron: NeuronFacts
    synapses: tuple[SynapseFacts, ...]


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found.

    Arguments:
        path: the file, or None for a network in memory.
        form: "plain" or "extended": how the file holds the network, or how `save` would.
        ignored: names in the root of the file that nothing reads.
        fingerprint: SHA-256 of everything that changes what runs or is decided.
        run_fingerprint: SHA-256 of what runs alone; the same as `fingerprint` where there is no readout.
        depth: steps from an input event to the latest first answer.
        stock_problems: what stock lava-dl would do wrong or not at all; empty: it runs the file rightly.
        loihi2: what a Loihi 2 chip would need for it.
        readout: how a class is decided; None where the network does not say.
        remarks: contradictions in the file that change nothing of what is read.
        n_weights_once: weights, those that several synapses share counted once.
        synapse_bits_once: memory of weights and delays on a chip where these synapses held them once; where each holds
            its own, as `loihi2` says.
        schedule: when the copies of LSTM cells act; None where there are none.
        windows: when a network answers that sees the windows of a map one after the other; None where it does not.
    """

    path: str | None
    form: str
    ignored: tuple[str, ...]
    fingerprint: str
    run_fingerprint: str
    input_shape: Shape
    graded_input: bool
    depth: int
    n_neurons: int
    n_weights: int
    n_nonzero: int
    layers: tuple[LayerFacts, ...]
    stock_problems: tuple[str, ...]
    loihi2: ChipNeeds
    metadata: dict[str, Any]
    readout: Readout | None = None
    remarks: tuple[str, ...] = ()
    n_weights_once: int = 0
    synapse_bits_once: int = 0
    schedule: Schedule | None = None
    windows: WindowSchedule | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return _plain_lists(asdict(self))


def inspect(network: Network | PathLike) -> Inspection:
    """Describe a network, or the network in a file.

    Arguments:
        network: a network, or the path of a NetX file.

    Raises:
        LapilliError: as `load` does, when a file cannot be read.
    """
    if isinstance(network, Network):
        content, path = FileContent(network, "plain" if is_plain(network) else "extended", ()), None
    else:
        content, path = read_file(network), os.fspath(network)
    found = content.network
    layers = tuple(_layer_facts(layer) for layer in found.layers)
    synapses = [synapse for layer in layers for synapse in layer.synapses]
    return Inspection(
        path=path,
        form=content.form,
        ignored=content.ignored,
        fingerprint=found.fingerprint,
        run_fingerprint=found.run_fingerprint,
        input_shape=found.input_shape,
        graded_input=found.graded_input,
        depth=found.depth,
        n_neurons=sum(layer.n_neurons for layer in layers),
        n_weights=sum(synapse.n_weights for synapse in synapses),
        n_nonzero=sum(synapse.n_nonzero for synapse in synapses),
        layers=layers,
        stock_problems=stock_problems(found),
        loihi2=chip_needs(found),
        metadata=dict(found.metadata),
        readout=found.readout,
        remarks=content.remarks,
        n_weights_once=sum(synapse.effective_weights.size for _, synapse in _sharing_once(found)),
        synapse_bits_once=sum(synapse.chip_bits(sums) for sums, synapse in _sharing_once(found)),
        schedule=schedule_of(found),
        windows=window_schedule_of(found),
    )


def _sharing_once(network: Network) -> list[tuple[int, Synapse]]:
    """(sums that it feeds, synapse) of those that have weights, only one of those with the same."""
    found: dict[tuple[object, ...], tuple[int, Synapse]] = {}
    for layer in network.layers:
        for synapse in layer.synapses:
            weights, sums = synapse.effective_weights, prod(layer.fed_shape(synapse))
            if weights.size:
                found.setdefault((synapse.kind, sums, weights.shape, weights.tobytes()), (sums, synapse))
    return list(found.values())


def _layer_facts(layer: Layer) -> LayerFacts:
    synapses = tuple(_synapse_facts(layer, synapse) for synapse in layer.synapses)
    kind = layer_type(layer) if len(synapses) == 1 + layer.recurrent else ""
    return LayerFacts(layer.name, kind or "extended", layer.shape, layer.size, _neuron_facts(layer.neuron), synapses)


def _neuron_facts(neuron: Neuron) -> NeuronFacts:
    parameters = {name: _range(getattr(neuron, name)) for name in neuron.ranges}
    return NeuronFacts(neuron.model, parameters, {name: getattr(neuron, name) for name in sorted(neuron.words)})


def _synapse_facts(layer: Layer, synapse: Synapse) -> SynapseFacts:
    weights = synapse.effective_weights
    return SynapseFacts(
        source=synapse.source,
        kind=synapse.kind,
        port=layer.port_of(synapse),
        weights=_range(weights),
        weight_bits=synapse.weight_bits,
        weight_exp=synapse.weight_exp,
        sign_mode=synapse.sign_mode,
        n_weights=weights.size,
        n_nonzero=int(np.count_nonzero(weights)),
        delays=synapse.delay_range,
    )


def _range(values: npt.ArrayLike) -> Range:
    return (int(np.min(values)), int(np.max(values))) if np.size(values) else (0, 0)


def _plain_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain_lists(part) for name, part in value.items()}
    return [_plain_lists(part) for part in value] if isinstance(value, (list, tuple)) else value
