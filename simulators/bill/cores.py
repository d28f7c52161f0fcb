"""The busiest core: what decides time and energy of a chip where all cores wait for the slowest.

Source: Yik et al., arXiv 2511.21549: sums over the chip do not predict what was measured, maxima over its cores do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.chip.needs import chip_needs
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, Shape, Synapse
from lapilli.simulators.counting import check_counts, n_steps_of
from lapilli.simulators.results import Counts

Int64 = npt.NDArray[np.int64]

RULE = (
    "busiest core: each layer is split, neuron by neuron in C order, over the fewest cores that `lapilli inspect` "
    "estimates for it; Intel's compiler splits in its own way"
)

_ROWS = 1024


@dataclass(frozen=True)
class BusiestCore:
    """Of one layer. Means per sample of the core with the most of each; another core may hold another maximum.

    Arguments:
        layer: name.
        cores: over how many the layer is split; None where a neuron does not fit into a core, the rest is None then.
        syn_ops: operations of the core's neurons.
        dendrite_updates: their updates.
        sent: events that they send.
    """

    layer: str
    cores: int | None
    syn_ops: float | None
    dendrite_updates: float | None
    sent: float | None


def busiest_cores(network: Network, counts: Counts) -> tuple[BusiestCore, ...]:
    """The busiest core of each layer.

    Raises:
        LapilliError: when the counts are not of this network.
    """
    check_counts(network, counts)
    needs = chip_needs(network).layers
    return tuple(_busiest(network, counts, number, need.cores_at_least) for number, need in enumerate(needs))


def target_operations(network: Network, counts: Counts, layer: Layer) -> Int64:
    """Operations at each neuron of a layer, over all samples, flat in C order: where events meet non-zero weights."""
    places = {name: number for number, name in enumerate(network.shapes)}
    return np.sum(
        [
            _met(synapse, counts.neuron_events[places[synapse.source]], network.shapes[synapse.source], layer.shape)
            for synapse in layer.synapses
        ],
        axis=0,
    )


def _busiest(network: Network, counts: Counts, number: int, cores: int | None) -> BusiestCore:
    layer = network.layers[number]
    if cores is None:
        return BusiestCore(layer.name, None, None, None, None)
    operations = target_operations(network, counts, layer)
    of_core = -(-layer.size // cores)
    starts = np.arange(0, layer.size, of_core)
    samples = len(counts)
    return BusiestCore(
        layer.name,
        cores,
        int(np.add.reduceat(operations, starts).max()) / samples,
        float(of_core * n_steps_of(network, counts)),
        int(np.add.reduceat(counts.neuron_events[number + 1], starts).max()) / samples,
    )


def _met(synapse: Synapse, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
    """Events x non-zero weights at each target."""
    if isinstance(synapse, DenseSynapse):
        weights = synapse.effective_weights
        return np.concatenate([(weights[row : row + _ROWS] != 0) @ events for row in range(0, len(weights), _ROWS)])
    if isinstance(synapse, ConvSynapse):
        return _met_by_kernel(synapse, events.reshape(source_shape), shape)
    return events * int(getattr(synapse, "weight", 1) != 0)


def _met_by_kernel(synapse: ConvSynapse, events: Int64, shape: Shape) -> Int64:
    (rows, columns), (down, right) = synapse.padding, synapse.stride
    padded = np.pad(events, ((0, 0), (rows, rows), (columns, columns)))
    nonzero = (synapse.effective_weights != 0).astype(np.int64)
    groups = synapse.groups
    nonzero = nonzero.reshape(groups, shape[0] // groups, *nonzero.shape[1:])
    met = np.zeros((groups, shape[0] // groups, *shape[1:]), np.int64)
    for y, x in np.ndindex(*nonzero.shape[3:]):
        first_row, first_column = y * synapse.dilation[0], x * synapse.dilation[1]
        window = padded[:, first_row::down, first_column::right][:, : shape[1], : shape[2]]
        of_groups = window.reshape(groups, -1, *shape[1:])
        met += np.einsum("goc,gcyx->goyx", nonzero[..., y, x], of_groups)
    return met.reshape(-1)
