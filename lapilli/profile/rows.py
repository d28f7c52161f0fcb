"""A profile as tidy rows: one for each network, number of steps, layer and quantity; counts and estimates apart."""

from collections.abc import Iterator, Sequence
from typing import Any

from lapilli.profile.measuring import Profile, amounts_by_layer
from lapilli.simulators.bill import Estimate, TableBill
from lapilli.simulators.evidence.provenance import provenance
from lapilli.simulators.results import COUNTERS

Row = dict[str, Any]

_EMPTY: Row = dict.fromkeys(
    ("part", "layer", "synapse", "table", "quantity", "unit", "total", "per_sample", "remark"), ""
)


def profile_rows(profiles: Sequence[Profile]) -> list[Row]:
    """Rows of all profiles, each with where it comes from.

    Columns: part ("count", "amount" by the bill's rules, "busiest core", "accuracy", "estimate"), layer ("" for the
    network), synapse, table, quantity, unit, total over all samples (counts: exact), per_sample (mean), remark.
    """
    origin = {name: value for name, value in provenance(0).items() if name != "seed"}
    return [{**_facts(profile), **_EMPTY, **row, **origin} for profile in profiles for row in _rows(profile)]


def _facts(profile: Profile) -> Row:
    case = profile.case
    facts = {"network": case.name, "fingerprint": profile.network.fingerprint[:16], "samples": len(profile.counts)}
    return {**facts, "input_steps": case.input_steps, "steps": case.n_steps}


def _rows(profile: Profile) -> Iterator[Row]:
    yield from _count_rows(profile)
    for core in profile.cores:
        for quantity in ("syn_ops", "dendrite_updates", "sent"):
            value = getattr(core, quantity)
            if value is None:
                yield {"part": "busiest core", "layer": core.layer, "quantity": quantity, "remark": "fits no core"}
            else:
                remark = f"of {core.cores} cores at least"
                row = {"part": "busiest core", "layer": core.layer, "quantity": quantity, "unit": "1"}
                yield {**row, "per_sample": value, "remark": remark}
    for layer, kinds in amounts_by_layer(profile.amounts).items():
        for kind, number in kinds.items():
            yield _counted(profile, number, part="amount", layer=layer, quantity=kind)
    row = {"part": "accuracy", "quantity": "accuracy", "unit": "1"}
    yield {**row, "per_sample": _known(profile.accuracy), "remark": profile.case.why_no_accuracy}
    yield from _bill_rows(profile)


def _count_rows(profile: Profile) -> Iterator[Row]:
    counts, network = profile.counts, profile.network
    for number, layer in enumerate(counts.layers):
        for counter in COUNTERS:
            yield _counted(profile, int(getattr(counts, counter)[:, number].sum()), layer=layer, quantity=counter)
    for number, name in enumerate(network.shapes):
        yield _counted(profile, int(counts.sent[:, number].sum()), layer=name, quantity="sent")
        if name in network.graded_sources:
            bits = int(counts.payload_bits[:, number].sum())
            yield {**_counted(profile, bits, layer=name, quantity="payload_bits"), "unit": "bit"}
    for column, synapse in enumerate(counts.synapses):
        name = f"{synapse.number} {synapse.kind} from {synapse.source}"
        for quantity, of_samples in (("events", counts.synapse_events), ("operations", counts.synapse_ops)):
            number = int(of_samples[:, column].sum())
            yield _counted(profile, number, layer=synapse.layer, synapse=name, quantity=quantity)


def _bill_rows(profile: Profile) -> Iterator[Row]:
    bill = profile.bill
    row = {"part": "estimate", "quantity": "spike_rate", "unit": "events per neuron and step"}
    yield {**row, "per_sample": bill.spike_rate, "remark": "weighted by connections"}
    for found in bill.tables:
        yield from _table_rows(found)
    for layer, value in bill.literature.items():
        yield _joules("literature", "spiking", value, layer=layer)
    yield _joules("literature", "spiking", sum(bill.literature.values()))


def _table_rows(found: TableBill) -> Iterator[Row]:
    table = found.table.name
    for name, reason in found.not_billed.items():
        yield {"part": "estimate", "table": table, "quantity": name, "unit": "J", "remark": f"not billed: {reason}"}
    if found.spiking is not None:
        yield from _estimate_rows(table, "spiking", found.spiking)
    for name, other in found.baselines.items():
        yield from _estimate_rows(table, name, other.estimate)
        facts = {"part": "estimate", "table": table}
        yield {**facts, "quantity": f"spiking / {name}", "unit": "1", "per_sample": other.ratio}
        row = {**facts, "quantity": f"break-even rate, {name}", "unit": "events per neuron and step"}
        yield {**row, "per_sample": _known(other.break_even), "remark": "no rate" if other.break_even is None else ""}


def _estimate_rows(table: str, name: str, found: Estimate) -> Iterator[Row]:
    for layer, kinds in found.joules.items():
        for kind, value in kinds.items():
            yield _joules(table, f"{name}: {kind}", value, layer=layer)
    yield _joules(table, name, found.total)
    yield _joules(table, f"{name}: memory", found.memory)


def _counted(profile: Profile, number: int, **row: str) -> Row:
    per_sample = number / len(profile.counts)
    return {"part": "count", "unit": "1", "total": number, "per_sample": per_sample, **row}


def _joules(table: str, quantity: str, value: float, layer: str = "") -> Row:
    row = {"part": "estimate", "layer": layer, "table": table, "quantity": quantity}
    return {**row, "unit": "J", "per_sample": value}


def _known(value: float | None) -> float | str:
    return "" if value is None else value
