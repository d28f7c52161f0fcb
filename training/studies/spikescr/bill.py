"""What a sample costs by the convention of the publication, beside what is counted.

The convention (its formula and prices: notes on SpikeSCR, section 5) has 0.9 pJ for an accumulation and 4.6 pJ for a
multiplication and accumulation, 45 nm. It takes the operations of dense layers times the rate of their inputs, with
batch norms folded, without neurons and memory. Sums of spikes are billed by their value, and so are counts in the
input. The matrices of the attention are counted too: a query's spike meets one channel of the keys of all T steps, a
value's spike all T rows of Q Kᵀ. The counts of lapilli are of weights that are not 0 and of numbers in S that are met.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators import Counts, Events, run
from lapilli.simulators.bill.literature import ACCUMULATE_J, MULTIPLY_ACCUMULATE_J
from lapilli.simulators.counting import join_counts
from lapilli.training.data.samples import Samples
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.spikescr.nodes.node import Node
from lapilli.training.studies.collect import Row

PUBLISHED = "0.0314 mJ at 100 steps and 0.0142 mJ at 40 on SSC, depth not stated; none on SHD and GSC (second-hand)"

InputAs = Literal["accumulations", "multiplications"]

WHOLE = "network"
"""What the row of all layers together is called."""

KEYS = ("layer",)

_AT_ONCE = 64


@dataclass(frozen=True)
class Cost:
    """Operations in a sample.

    Arguments:
        matrix: by matrix products at a rate of 1.
        accumulations, multiplications: by the convention.
        counted: of weights other than 0, by spikes.
        counted_graded: likewise by events with values.
        reads, writes: numbers of S that are read and written.
    """

    matrix: float = 0
    accumulations: float = 0
    multiplications: float = 0
    counted: float = 0
    counted_graded: float = 0
    reads: float = 0
    writes: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def row(self) -> Row:
        """As columns, energies in microjoules; at the same prices all that is counted."""
        published = ACCUMULATE_J * self.accumulations + MULTIPLY_ACCUMULATE_J * self.multiplications
        one_each = self.counted + self.reads + self.writes
        counted = ACCUMULATE_J * one_each + MULTIPLY_ACCUMULATE_J * self.counted_graded
        numbers = {f"{name}_operations": round(value, 1) for name, value in vars(self).items()}
        energies = {"uj_by_convention": round(1e6 * published, 6), "uj_of_counts": round(1e6 * counted, 6)}
        return numbers | energies | {"uj_at_rate_1": round(1e6 * ACCUMULATE_J * self.matrix, 6)}


def bill_rows(module: SpikeScrNetwork, samples: Samples, input_as: InputAs = "accumulations") -> list[Row]:
    """A row for each layer, and one for the network.

    Arguments:
        module: trained; its exported network runs on `fast`.
        samples: at least one.
        input_as: "accumulations" of counts, billed by their value; "multiplications" of real numbers, at a rate of 1.

    Raises:
        LapilliError: without samples.
    """
    if not len(samples):
        raise LapilliError("a bill needs at least one sample")
    network, values, counts = module.export(), 0, []
    for part in samples.chunks(_AT_ONCE):
        counts.append(run(network, part, "fast", n_steps=module.n_steps + module.depth).counts)
        values += _value_of_channels(module, part)
    found = costs(module, network, join_counts(counts), values, input_as)
    total = sum(found.values(), Cost())
    rows = [{"layer": name, **cost.row(), "published": ""} for name, cost in found.items()]
    return [*rows, {"layer": WHOLE, **total.row(), "published": PUBLISHED}]


def costs(
    module: SpikeScrNetwork, network: Network, counts: Counts, input_value: int, input_as: InputAs
) -> dict[str, Cost]:
    """Of each layer of the network, lines and relays too, means over the samples.

    Arguments:
        module: trained.
        network: exported from it.
        counts: of its run.
        input_value: sum of all values of the input's channels, lines not counted, over all samples.
        input_as: as of `bill_rows`.
    """
    events = dict(zip(("input", *counts.layers), counts.sent.sum(0).tolist())) | {"input": input_value}
    found = {name: _counted(network, counts, number) for number, name in enumerate(counts.layers)}
    for node in module.nodes:
        if node.graded:
            # A sum is worth the spikes that make it.
            events[node.name] = sum(events[name] for name in node.reads)
        by_matrix = _by_matrix(module, node, events, len(counts), input_as == "multiplications")
        found[node.name] = found[node.name] + by_matrix
    return found


def _by_matrix(
    module: SpikeScrNetwork, node: Node, events: Mapping[str, int], n_samples: int, multiplies: bool
) -> Cost:
    each = node.matrix_operations(module.config, module.n_steps)
    dense = each * node.n_inputs * module.n_steps * node.matrix_products
    if node.reads == ("input",) and multiplies:
        return Cost(matrix=dense, multiplications=dense)
    return Cost(matrix=dense, accumulations=each * sum(events[name] for name in node.matrix_reads()) / n_samples)


def _counted(network: Network, counts: Counts, number: int) -> Cost:
    sums = {True: 0, False: 0}
    for column, synapse in enumerate(counts.synapses):
        if synapse.layer == counts.layers[number]:
            sums[synapse.source in network.graded_sources] += int(counts.synapse_ops[:, column].sum())
    named = {name: int(counts.named[name][:, number].sum()) / len(counts) for name in counts.named}
    reads, writes = (named.get(f"attention_{name}", 0.0) for name in ("reads", "writes"))
    of_weights = {"counted": sums[False] / len(counts), "counted_graded": sums[True] / len(counts)}
    return Cost(**of_weights, reads=reads, writes=writes)


def _value_of_channels(module: SpikeScrNetwork, events: Events) -> int:
    channels = events.neuron < module.n_channels
    return int(channels.sum() if events.value is None else events.value[channels].sum())


def said(rows: list[Row]) -> Iterator[str]:
    """The last row in words."""
    whole = rows[-1]
    yield f"{whole['accumulations_operations']:,} accumulations by the convention: {whole['uj_by_convention']} µJ"
    yield f"{whole['matrix_operations']:,} by matrix products at a rate of 1: {whole['uj_at_rate_1']} µJ"
    counted = " + ".join(f"{whole[f'{name}_operations']:,}" for name in ("counted", "counted_graded"))
    memory = " + ".join(f"{whole[f'{name}_operations']:,}" for name in ("reads", "writes"))
    yield f"{counted} of weights, {memory} of S are counted; at the same prices {whole['uj_of_counts']} µJ"
    yield f"published: {PUBLISHED}"
