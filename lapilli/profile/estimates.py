"""What terminal and page say alike of a bill."""

from lapilli.profile.measuring import Profile
from lapilli.profile.text import joules, mean_text, times
from lapilli.simulators.bill import Bill, CostTable, TableBill
from lapilli.simulators.bill.bill import ONE_PASS, PASS_A_STEP
from lapilli.simulators.bill.kinds import ACCESSES
from lapilli.simulators.bill.neurobench import network_metrics

BASELINES = (ONE_PASS, PASS_A_STEP)
"""Dense networks that stand beside the spiking one."""

_SPARSITIES = ("ConnectionSparsity", "ActivationSparsity")


def span(bill: Bill) -> str:
    """Lowest and highest energy over the tables."""
    found = [table.spiking.total for table in bill.tables if table.spiking is not None]
    if not found:
        return "not billed"
    return f"{joules(min(found))} … {joules(max(found))}"


def priced(table: CostTable) -> str:
    """Which parts of a network the table prices: synapses, neurons, messages between them, memory."""
    parts = {"synapses": ["accumulate"], "neurons": ["neuron_update"], "messages": ["event_sent"], "memory": ACCESSES}
    found = [name for name, kinds in parts.items() if not any(_without(table, kind) for kind in kinds)]
    return f"{', '.join(found) or 'single events'}{' only' if len(found) < 2 else ''}"


def range_line(bill: Bill) -> str:
    """Lowest and highest energy, and which tables price only a part of it."""
    remark = partial_tables(bill)
    return f"{span(bill)} ({remark})" if remark else span(bill)


def partial_tables(bill: Bill) -> str:
    """Tables that price only a part of what others price, and which; "" where there are none."""
    found: dict[str, list[str]] = {}
    for of_table in bill.tables:
        if priced(of_table.table).endswith(" only") and of_table.spiking is not None:
            found.setdefault(priced(of_table.table), []).append(of_table.table.name)
    return "; ".join(f"{', '.join(tables)}: {what}" for what, tables in found.items())


def compared(bill: Bill, baseline: str) -> str:
    """Lowest and highest ratio to a dense network over the tables."""
    found = bill.ratios(baseline)
    return "-" if found is None else f"{times(found[0])} … {times(found[1])}"


def memory_share(found: TableBill) -> str:
    """Share of the energy that is spent on memory; "-" where the table does not price memory apart."""
    if found.spiking is None or found.table.memory is None or not found.spiking.total:
        return "-"
    return f"{found.spiking.memory / found.spiking.total:.0%}"


def reasons(bill: Bill) -> list[str]:
    """Why something is not billed, each reason once: tables, what of them, reason."""
    whom: dict[tuple[str, str], list[str]] = {}
    for found in bill.tables:
        for what, reason in found.not_billed.items():
            whom.setdefault((what, reason), []).append(found.table.name)
    whats: dict[tuple[str, str], list[str]] = {}
    for (what, reason), tables in whom.items():
        called = "every table" if len(tables) == len(bill.tables) else ", ".join(tables)
        whats.setdefault((called, reason), []).append(what)
    return [f"{' and '.join(found)} by {tables}: {reason}" for (tables, reason), found in whats.items()]


def neurobench_lines(profile: Profile) -> list[tuple[str, str]]:
    """NeuroBench's metrics, name and value, means per sample; a metric that is not known says so."""
    found = network_metrics(profile.network, profile.counts).as_neurobench()
    operations = found.pop("SynapticOperations")
    numbers = {"ParameterCount": "weights and biases", "Footprint": "bytes in float32"}
    lines = [(f"{name}, {what}", mean_text(found[name])) for name, what in numbers.items()]
    lines += [(name, f"{found[name]:.4g}" if name in found else "-") for name in _SPARSITIES]
    lines += [(f"SynapticOperations, {name}", mean_text(value)) for name, value in operations.items()]
    return [*lines, ("MembraneUpdates, needs voltages", "-")]


def _without(table: CostTable, kind: str) -> bool:
    return kind in table.leaves_out or kind in table.refuses
