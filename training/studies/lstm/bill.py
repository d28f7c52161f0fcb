"""What a spiking LSTM costs beside the LSTM that does not spike: multiplications and accumulations alone.

The convention is that of the publication (arXiv 2210.12613; notes on the spiking LSTM, section 9): arithmetic is
priced, memory and the cells' own steps are not. Direct encoding multiplies each input once an element, however many SNN
steps there are. A unit's event, +1 or -1, is an accumulation. What copies hand over is counted beside and not priced.
`lapilli profile` prices all of it, memories too.
"""

from collections.abc import Mapping, Sequence

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators import run
from lapilli.simulators.bill.cost_table import CostTable, load_table
from lapilli.simulators.bill.dense import dense_amounts
from lapilli.simulators.bill.kinds import Amount
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.counting import join_counts
from lapilli.training.data.samples import Samples
from lapilli.training.studies.collect import Row

PRICED = ("multiply_accumulate", "accumulate")
COLUMNS = {"multiply_accumulates": "multiply_accumulate", "accumulates": "accumulate", "handed_values": "handed_values"}
"""What is counted of the spiking LSTM, by the name of its column."""

TABLES = {"fp32": "horowitz-45nm-fp32", "int32": "horowitz-45nm-int32", "int8": "horowitz-45nm-int8"}
"""Tables that come with lapilli, by the width of their numbers."""

_AT_ONCE = 64


def bill_row(network: Network, samples: Samples, n_steps: int) -> Row:
    """Operations of a sample and energies in microjoules, of the spiking LSTM and of the one that does not spike.

    "With zeros" multiplies inputs of 0 too, as the publication's convention does, and a chip that is driven by events
    does not. The bound is how many times less is possible then, if no unit ever sends: (D + H) / D, where the readout
    is among what the LSTM multiplies.

    Arguments:
        network: a spiking LSTM, which runs on `fast`.
        samples: at least one.
        n_steps: how long a sample runs.

    Raises:
        LapilliError: without samples.
    """
    if not len(samples):
        raise LapilliError("a bill needs at least one sample")
    counts = join_counts([run(network, part, "fast", n_steps=n_steps).counts for part in samples.chunks(_AT_ONCE)])
    spiking = totals(spiking_amounts(network, counts), len(counts))
    elements = samples.n_steps
    dense = totals(dense_amounts(network, elements * len(counts), counts.n_steps), len(counts))
    found: Row = {name: round(spiking.get(kind, 0.0), 1) for name, kind in COLUMNS.items()}
    whole = spiking | {"multiply_accumulate": float(input_products(network) * elements)}
    found["input_products"] = whole["multiply_accumulate"]
    found["lstm_multiply_accumulates"] = round(dense["multiply_accumulate"], 1)
    for words, name in TABLES.items():
        table = load_table(name)
        ours, with_zeros, theirs = (1e6 * _joules(one, table) for one in (spiking, whole, dense))
        found |= {f"uj_{words}": round(ours, 6), f"lstm_uj_{words}": round(theirs, 6)}
        found[f"times_less_{words}"] = round(theirs / ours, 3)
        found[f"times_less_{words}_with_zeros"] = round(theirs / with_zeros, 3)
    return found | {"bound": round(dense["multiply_accumulate"] / whole["multiply_accumulate"], 3)}


def totals(amounts: Sequence[Amount], n_samples: int) -> dict[str, float]:
    """How often a sample has each kind, in the mean."""
    found: dict[str, float] = {}
    for amount in amounts:
        found[amount.kind] = found.get(amount.kind, 0.0) + amount.number / n_samples
    return found


def input_products(network: Network) -> int:
    """Multiplications of an element's input, zeros too: 4 H D of D inputs and H units."""
    return sum(
        int(synapse.connections(network.shapes[INPUT], layer.fed_shape(synapse)).sum())
        for layer in network.layers
        for synapse in layer.synapses
        if synapse.source == INPUT
    )


def _joules(found: Mapping[str, float], table: CostTable) -> float:
    prices = {kind: table.joules[kind] for kind in PRICED}
    return sum(found.get(kind, 0.0) * price for kind, price in prices.items() if isinstance(price, float))
