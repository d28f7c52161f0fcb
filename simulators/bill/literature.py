"""The estimate that most papers print, so that their tables can be matched. Not an energy of any machine."""

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.counting import check_counts
from lapilli.simulators.results import Counts

RULE = (
    "literature: 4.6 pJ for each connection of the layers that read the input, once, and 0.9 pJ for each "
    "connection of all others times the mean spike count of its source (dense operations x mean rate x steps); 45 nm, "
    "32-bit floats, no memory, no neuron updates; as in Spikformer (arXiv 2209.15425) and the papers after it"
)

MULTIPLY_ACCUMULATE_J = 4.6e-12
ACCUMULATE_J = 0.9e-12


def literature_estimate(network: Network, counts: Counts) -> dict[str, float]:
    """Joules of one sample by layer.

    Raises:
        LapilliError: when the counts are not of this network.
    """
    check_counts(network, counts)
    places = {name: number for number, name in enumerate(network.shapes)}
    joules = {}
    for layer in network.layers:
        joules[layer.name] = 0.0
        for synapse in layer.synapses:
            dense = int(synapse.connections(network.shapes[synapse.source], layer.fed_shape(synapse)).sum())
            events = counts.neuron_events[places[synapse.source]]
            spikes_of_neuron = int(events.sum()) / len(events) / len(counts)
            price = MULTIPLY_ACCUMULATE_J if synapse.source == INPUT else ACCUMULATE_J * spikes_of_neuron
            joules[layer.name] += dense * price
    return joules
