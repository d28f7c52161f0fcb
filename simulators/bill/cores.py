"""The busiest core: what decides time and energy of a chip where all cores wait for the slowest.

Source: Yik et al., arXiv 2511.21549: sums over the chip do not predict what was measured, maxima over its cores do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.chip.needs import chip_needs
from lapilli.netx_exports.network import Layer, Network
from lapilli.simulators.counting import check_counts
from lapilli.simulators.results import Counts

Int64 = npt.NDArray[np.int64]

RULE = (
    "busiest core: each layer is split, neuron by neuron in C order, over the fewest cores that `lapilli inspect` "
    "estimates for it; Intel's compiler splits in its own way"
)


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
            synapse.operations_of(
                counts.neuron_events[places[synapse.source]], network.shapes[synapse.source], layer.fed_shape(synapse)
            )
            .reshape(-1, layer.size)
            .sum(axis=0)
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
        float(of_core * layer.clock.steps_within(counts.n_steps)),
        int(np.add.reduceat(counts.neuron_events[number + 1], starts).max()) / samples,
    )
