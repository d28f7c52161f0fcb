"""NeuroBench's metrics of a network that ran: from its exact counts, for each sample.

Definitions: NeuroBench 2.3.0 (e521c28); docs/reference/neurobench.md has them one by one, with its files and the
differences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.chip.needs import chip_needs
from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.simulators.counting import check_counts
from lapilli.simulators.results import Counts, Recording

Int64 = npt.NDArray[np.int64]

FLOAT_BYTES = 4
"""Bytes of a parameter of a torch model in single precision."""


@dataclass(frozen=True, eq=False)
class NetworkMetrics:
    """NeuroBench's metrics of a network. A step is every step that was run, those after the end of the sample too.

    Arguments:
        n_steps: steps of each sample.
        parameter_count: weights of all synapses (a kernel once) and a bias for each neuron of layers that have one.
        weights, zero_weights: weights, and those that the chip stores as zero.
        footprint_on_chip: bits of the weights and delays, as `chip_needs` counts them; not a metric of NeuroBench.
        effective_acs: accumulations of each sample, spikes that met a non-zero weight: int64, (samples,).
        effective_macs: multiplications and accumulations of each sample, graded events that did: int64, (samples,).
        dense: connections within the borders x steps: what a sample would take if nothing were zero.
        activations: neurons that can send x steps of one sample; the input and readouts that never spike are not in it.
        events: events that those neurons sent in each sample: int64, (samples,).
        neuron_updates: neurons x steps of one sample: each neuron computes in each step, whether it changes or not.
        membrane_updates: neurons whose voltage a step changed, all in the first step: int64, (samples,). None: voltages
            were not recorded.
    """

    n_steps: int
    parameter_count: int
    weights: int
    zero_weights: int
    footprint_on_chip: int
    effective_acs: Int64
    effective_macs: Int64
    dense: int
    activations: int
    events: Int64
    neuron_updates: int
    membrane_updates: Int64 | None

    @property
    def footprint(self) -> int:
        """Bytes of the parameters of a torch model of this network in single precision, zeros too; without buffers."""
        return FLOAT_BYTES * self.parameter_count

    @property
    def connection_sparsity(self) -> float:
        """Zero weights / weights, rounded to 4 places as NeuroBench does; 0: dense.

        Raises:
            UnsupportedError: for a network without weights.
        """
        if not self.weights:
            raise UnsupportedError("neurobench: connection sparsity", ["the network has no weights"])
        return round(self.zero_weights / self.weights, 4)

    @property
    def activation_sparsity(self) -> float:
        """Neurons and steps without an event / all of them, over all samples; 0: an event of each neuron in each step.

        Raises:
            UnsupportedError: for a network of nothing but a readout.
        """
        activations = self.activations * len(self.events)
        if not activations:
            raise UnsupportedError("neurobench: activation sparsity", ["no neuron of the network can send events"])
        return (activations - int(self.events.sum())) / activations

    def as_neurobench(self) -> dict[str, Any]:
        """Means per sample under the names and in the form of NeuroBench's results; what is not known is missing."""
        n_samples = len(self.events)
        found: dict[str, Any] = {"Footprint": self.footprint, "ParameterCount": self.parameter_count}
        if self.weights:
            found["ConnectionSparsity"] = self.connection_sparsity
        if self.activations:
            found["ActivationSparsity"] = self.activation_sparsity
        found["SynapticOperations"] = {
            "Effective_MACs": int(self.effective_macs.sum()) / n_samples,
            "Effective_ACs": int(self.effective_acs.sum()) / n_samples,
            "Dense": float(self.dense),
        }
        if self.membrane_updates is not None:
            found["MembraneUpdates"] = int(self.membrane_updates.sum()) / n_samples
        return found


def network_metrics(
    network: Network, counts: Counts, recordings: Mapping[str, Recording] | None = None
) -> NetworkMetrics:
    """NeuroBench's metrics of a run.

    Arguments:
        network: what ran.
        counts: of the run.
        recordings: of the same samples, with "voltage" of every layer, for the membrane updates.

    Raises:
        LapilliError: when counts or recordings are not of this network, or of no sample.
        UnsupportedError: for recordings that lack the voltage of a layer.
    """
    check_counts(network, counts)
    n_steps = counts.n_steps
    acs, macs = _effective(network, counts)
    stored, zeros = _weights(network)
    updates_of_layers = [layer.size * layer.clock.steps_within(n_steps) for layer in network.layers]
    sends = np.array([not layer.neuron.never_spikes for layer in network.layers])
    return NetworkMetrics(
        n_steps=n_steps,
        parameter_count=stored + sum(layer.size for layer in network.layers if layer.neuron.has_bias),
        weights=stored,
        zero_weights=zeros,
        footprint_on_chip=chip_needs(network).synapse_bits,
        effective_acs=acs,
        effective_macs=macs,
        dense=_dense(network) * n_steps,
        activations=sum(updates for updates, may in zip(updates_of_layers, sends) if may),
        events=counts.sent[:, 1:][:, sends].sum(axis=1),
        neuron_updates=sum(updates_of_layers),
        membrane_updates=None if recordings is None else _checked(membrane_updates(network, recordings), counts),
    )


def membrane_updates(network: Network, recordings: Mapping[str, Recording]) -> Int64:
    """Neurons whose voltage at the end of a step is not that of the step before; in the first step, all neurons.

    Arguments:
        network: what ran.
        recordings: with "voltage" of every layer, all of the same samples and steps.

    Returns:
        int64, (samples,).

    Raises:
        UnsupportedError: naming the layers whose voltage was not recorded, or whose neurons have none.
        LapilliError: for voltages of another shape than the layer's.
    """
    of_layers = [(layer, _voltage(layer, recordings)) for layer in network.layers]
    if problems := [_missing(layer) for layer, voltage in of_layers if voltage is None]:
        raise UnsupportedError("neurobench: membrane updates", problems)
    return np.sum([_changes(layer, voltage) for layer, voltage in of_layers if voltage is not None], axis=0)


def _voltage(layer: Layer, recordings: Mapping[str, Recording]) -> npt.NDArray[np.int32] | None:
    return recordings[layer.name].voltage if layer.name in recordings else None


def _missing(layer: Layer) -> str:
    if "voltage" in layer.neuron.states:
        return f"layer {layer.name!r}: voltage was not recorded"
    return f"layer {layer.name!r}: neurons of model {layer.neuron.model} have no voltage"


def _changes(layer: Layer, voltage: npt.NDArray[np.int32]) -> Int64:
    """Changes of each sample's voltages, the first step counted whole."""
    if voltage.shape[1:-1] != layer.shape:
        raise LapilliError(f"recordings: layer {layer.name!r} has shape {layer.shape}, its voltage {voltage.shape}")
    flat = voltage.reshape(len(voltage), layer.size, voltage.shape[-1])
    return layer.size + np.count_nonzero(flat[..., 1:] != flat[..., :-1], axis=(1, 2)).astype(np.int64)


def _checked(updates: Int64, counts: Counts) -> Int64:
    if len(updates) != len(counts):
        raise LapilliError(f"recordings: must be of the {len(counts)} samples of the counts, got {len(updates)}")
    return updates


def _weighted(network: Network) -> "list[tuple[Layer, Synapse]]":
    """Synapses that multiply by a weight: all but direct ones, through which the input's values come as they are."""
    every = [(layer, synapse) for layer in network.layers for synapse in layer.synapses]
    return [(layer, synapse) for layer, synapse in every if synapse.weighted]


def _effective(network: Network, counts: Counts) -> tuple[Int64, Int64]:
    """(accumulations, multiplications and accumulations) of each sample."""
    weighted = np.array([synapse.weighted for layer in network.layers for synapse in layer.synapses])
    graded = np.array([name.source in network.multiplied_sources for name in counts.synapses])
    operations = counts.synapse_ops
    return operations[:, weighted & ~graded].sum(axis=1), operations[:, weighted & graded].sum(axis=1)


def _dense(network: Network) -> int:
    return sum(
        int(synapse.connections(network.shapes[synapse.source], layer.fed_shape(synapse)).sum())
        for layer, synapse in _weighted(network)
    )


def _weights(network: Network) -> tuple[int, int]:
    """(weights, those that are zero); an identity synapse has the same weight for each neuron."""
    stored = zeros = 0
    for layer, synapse in _weighted(network):
        of_synapse, weights = synapse.n_stored_weights(prod(layer.fed_shape(synapse))), synapse.effective_weights
        stored += of_synapse
        zeros += (weights.size - int(np.count_nonzero(weights))) * of_synapse // max(1, weights.size)
    return stored, zeros
