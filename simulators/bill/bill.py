"""The bill: a network that ran, under several cost tables, beside the same network without spikes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.bill import cores, dense, literature, spiking
from lapilli.simulators.bill.cost_table import CostTable, bundled_tables, load_table
from lapilli.simulators.bill.dense import dense_amounts, is_recurrent
from lapilli.simulators.bill.estimate import Estimate, NotBilledError, estimate
from lapilli.simulators.bill.literature import literature_estimate
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.bill.widths import Widths
from lapilli.simulators.counting import check_counts
from lapilli.simulators.results import Counts

ASSUMPTIONS = (*spiking.RULES, *dense.RULES, cores.RULE, literature.RULE)
"""Every assumption behind the figures, but for those of the tables."""

ONE_PASS = "dense, one pass"
PASS_A_STEP = "dense, one pass a step"

NO_LOIHI_2 = (
    "Loihi 2: Intel has published no energy per operation, so there is no table of it; its counters are "
    "syn_ops, dendrite_updates, spikes_in and axon_out"
)


@dataclass(frozen=True)
class Baseline:
    """A dense network beside the spiking one, under one table.

    Arguments:
        estimate: joules of one sample.
        ratio: joules of the spiking network / joules of this one.
        break_even: mean spike rate at which both cost the same, all events scaled alike: events per neuron and step,
            weighted by connections; None where no rate is low enough, because the spiking network costs more even
            without any event, and where there was no event that could be scaled.
    """

    estimate: Estimate
    ratio: float
    break_even: float | None


@dataclass(frozen=True)
class TableBill:
    """What one table says.

    Arguments:
        table: the table.
        spiking: joules of one sample; None where the table cannot price the network.
        baselines: by name, as far as the table prices them.
        not_billed: why something is missing: by name of the baseline, or "spiking".
    """

    table: CostTable
    spiking: Estimate | None
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    not_billed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bill:
    """What a network costs, by every table.

    Arguments:
        tables: one for each.
        literature: joules of one sample by layer, as most papers estimate them.
        spike_rate: mean events per neuron and step, weighted by the connections of the neuron.
    """

    tables: tuple[TableBill, ...]
    literature: Mapping[str, float]
    spike_rate: float

    def ratios(self, baseline: str) -> tuple[float, float] | None:
        """Lowest and highest ratio to a baseline over the tables that price both; None where none does."""
        found = [bill.baselines[baseline].ratio for bill in self.tables if baseline in bill.baselines]
        return (min(found), max(found)) if found else None


def bill_of(network: Network, counts: Counts, input_steps: int, tables: Sequence[CostTable] | None = None) -> Bill:
    """The bill of a run.

    Arguments:
        network: what ran.
        counts: what it did.
        input_steps: steps of each sample of the input; the steps after its end, which the counts hold too, are no pass
            of a dense network.
        tables: cost tables; all that come with lapilli where None.

    Raises:
        LapilliError: when the counts are not of this network, or `input_steps` is below 1.
    """
    if input_steps < 1:
        raise LapilliError(f"input_steps: must be at least 1, got {input_steps}")
    found = [load_table(name) for name in bundled_tables()] if tables is None else tables
    rate = spike_rate(network, counts)
    return Bill(
        tuple(_table_bill(network, counts, input_steps, rate, table) for table in found),
        literature_estimate(network, counts),
        rate,
    )


def spike_rate(network: Network, counts: Counts) -> float:
    """Mean events per neuron and step, each neuron weighted by its connections.

    Raises:
        LapilliError: when the counts are not of this network.
    """
    check_counts(network, counts)
    places = {name: number for number, name in enumerate(network.shapes)}
    met = possible = 0
    for layer in network.layers:
        for synapse in layer.synapses:
            of_source = synapse.connections(network.shapes[synapse.source], layer.fed_shape(synapse))
            met += int(counts.neuron_events[places[synapse.source]] @ of_source)
            possible += int(of_source.sum())
    return met / (possible * counts.n_steps * len(counts))


def _table_bill(network: Network, counts: Counts, input_steps: int, rate: float, table: CostTable) -> TableBill:
    widths = Widths.from_table(table.bits)
    try:
        spent = estimate(spiking_amounts(network, counts, widths), len(counts), table)
    except NotBilledError as error:
        return TableBill(table, None, not_billed={"spiking": str(error)})
    baselines: dict[str, Baseline] = {}
    missing: dict[str, str] = {}
    for name, passes in ((ONE_PASS, 1), (PASS_A_STEP, input_steps)):
        if name == ONE_PASS and is_recurrent(network):
            missing[name] = "a recurrent network needs a pass for each step"
            continue
        try:
            amounts = dense_amounts(network, passes * len(counts), counts.n_steps, widths)
            baselines[name] = _baseline(spent, estimate(amounts, len(counts), table), rate)
        except NotBilledError as error:
            missing[name] = str(error)
    return TableBill(table, spent, baselines, missing)


def _baseline(spent: Estimate, other: Estimate, rate: float) -> Baseline:
    if not other.total:
        raise NotBilledError("the table prices nothing that the dense network does")
    left, of_events = other.total - spent.fixed, spent.total - spent.fixed
    reachable = left > 0 and of_events > 0
    return Baseline(other, spent.total / other.total, rate * left / of_events if reachable else None)
