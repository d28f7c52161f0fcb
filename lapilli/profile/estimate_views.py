"""What the page shows of bills: rows, energies on a logarithmic axis, what the energy is spent on, the trade-off."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from lapilli.profile.charts import Tick, decade_ticks, decades, on_decades, place, round_steps
from lapilli.profile.estimates import BASELINES, compared, memory_share, priced, span
from lapilli.profile.measuring import Profile, mean
from lapilli.profile.text import accuracy_text, break_even, joules, mean_text, times
from lapilli.simulators.bill import CostTable, TableBill
from lapilli.simulators.bill.bill import ONE_PASS, PASS_A_STEP
from lapilli.simulators.bill.kinds import ACCESSES

LITERATURE = "literature"

SHARES = {
    "synapses": ("accumulate", "multiply_accumulate"),
    "neurons": ("neuron_update", "state_add", "state_multiply"),
    "messages": ("event_sent", "event_delivered"),
    "weight memory": ("weight_access",),
    "sum memory": ("sum_access",),
    "state memory": ("state_access",),
    "event memory": ("event_access",),
}
"""Parts of an energy, by kinds."""

MARKS = {"spiking": "dot", ONE_PASS: "square", PASS_A_STEP: "diamond"}
"""Shapes that tell the networks apart."""


class Mark(NamedTuple):
    """A mark on an axis: its shape, its place in percent and what it says."""

    shape: str
    place: float
    text: str


class Share(NamedTuple):
    """A part of a bar in percent."""

    name: str
    length: float
    text: str


def estimate_rows(profile: Profile) -> list[dict[str, Any]]:
    """A row for each table: texts, and of each baseline energy, ratio and break-even."""
    return [_estimate_row(found, profile.bill.spike_rate) for found in profile.bill.tables]


def axis(profile: Profile) -> dict[str, Any] | None:
    """Energies of all tables on one logarithmic axis; None where nothing is billed."""
    rows = {found.table.name: _energies(found) for found in profile.bill.tables}
    rows[LITERATURE] = {"spiking": sum(profile.bill.literature.values())}
    values = [value for energies in rows.values() for value in energies.values() if value > 0]
    if not values:
        return None
    limits = decades(values)
    marks = {
        name: [
            Mark(MARKS[what], on_decades(value, limits), f"{what}: {joules(value)}")
            for what, value in energies.items()
            if value > 0
        ]
        for name, energies in rows.items()
    }
    return {"ticks": decade_ticks(limits), "rows": marks}


def partial(profile: Profile) -> dict[str, str]:
    """What tables price that price one part of a network only, the literature's estimate among them."""
    found = {bill.table.name: priced(bill.table) for bill in profile.bill.tables}
    return {name: what for name, what in found.items() if what.endswith(" only")} | {LITERATURE: "synapses only"}


def shares(profile: Profile) -> list[tuple[str, list[Share]]]:
    """What the energy of the spiking network is spent on, by table."""
    found = []
    for bill in profile.bill.tables:
        if bill.spiking is None or not bill.spiking.total:
            continue
        spent = {name: _of_kinds(bill, kinds) for name, kinds in SHARES.items()}
        parts = [
            Share(name, 100 * value / bill.spiking.total, f"{name}: {joules(value)}")
            for name, value in spent.items()
            if value
        ]
        found.append((bill.table.name, parts))
    return found


def by_layer(profile: Profile) -> list[list[str]]:
    """Energy of each layer, the input first: a row for each table."""
    rows = []
    for bill in profile.bill.tables:
        if bill.spiking is not None:
            of_layers = [sum(bill.spiking.joules.get(name, {}).values()) for name in profile.network.shapes]
            rows.append([bill.table.name, *map(joules, of_layers)])
    literature = [profile.bill.literature.get(name) for name in profile.network.shapes]
    rows.append([LITERATURE, *("-" if value is None else joules(value) for value in literature)])
    return rows


def comparison(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """A row for each profile, counts and estimates."""
    return [
        {
            "number": number,
            "name": profile.case.name,
            "steps": profile.case.input_steps,
            "accuracy": "-" if profile.accuracy is None else accuracy_text(profile.accuracy),
            "why_no_accuracy": profile.case.why_no_accuracy,
            "syn_ops": mean_text(mean(profile.counts.syn_ops)),
            "updates": mean_text(mean(profile.counts.dendrite_updates)),
            "sent": mean_text(mean(profile.counts.sent)),
            "energy": span(profile.bill),
            "ratios": [compared(profile.bill, name) for name in BASELINES],
        }
        for number, profile in enumerate(profiles, 1)
    ]


def trade_off(profiles: Sequence[Profile]) -> dict[str, Any] | None:
    """Accuracy against synaptic operations: axes, points and a line for each network; None with fewer than two."""
    known = [
        (number, profile, profile.accuracy, mean(profile.counts.syn_ops))
        for number, profile in enumerate(profiles, 1)
        if profile.accuracy is not None
    ]
    if len(known) < 2:
        return None
    across = round_steps(0, max(operations for *_, operations in known))
    low, high = (choose(right for _, _, right, _ in known) for choose in (min, max))
    up = round_steps(100 * low, 100 * high) if high > low else round_steps(100 * low - 1, 100 * high)
    up = up[up <= 100] if (up <= 100).sum() > 1 else up
    places = [
        (number, profile.case.name, place(operations, across), place(100 * right, up))
        for number, profile, right, operations in known
    ]
    lines = [[(x, 100 - y) for _, _, x, y in group] for _, group in groupby(places, key=lambda found: found[1])]
    return {
        "across": [Tick(place(value, across), mean_text(value)) for value in across],
        "up": [Tick(place(value, up), f"{value:g}%") for value in up],
        "points": places,
        "lines": [" ".join(f"{x:.2f},{y:.2f}" for x, y in line) for line in lines if len(line) > 1],
    }


def table_cards(tables: Sequence[CostTable]) -> list[dict[str, Any]]:
    """All that a table says, as texts."""
    return [
        {
            "table": table,
            "priced": priced(table),
            "prices": [(kind, _price(price)) for kind, price in table.joules.items()],
            "memory": _memory(table),
            "widths": ", ".join(f"{name} {bits} bits" for name, bits in table.bits.items()),
        }
        for table in tables
    ]


def _estimate_row(found: TableBill, rate: float) -> dict[str, Any]:
    baselines = [
        {
            "energy": joules(other.estimate.total),
            "ratio": times(other.ratio),
            "break_even": break_even(other, rate),
            "better": other.ratio < 1,
        }
        if (other := found.baselines.get(name))
        else None
        for name in BASELINES
    ]
    energy = "-" if found.spiking is None else joules(found.spiking.total)
    return {"table": found.table, "priced": priced(found.table), "energy": energy, "memory": memory_share(found)} | {
        "baselines": baselines
    }


def _energies(found: TableBill) -> dict[str, float]:
    energies = {name: other.estimate.total for name, other in found.baselines.items()}
    return energies | ({} if found.spiking is None else {"spiking": found.spiking.total})


def _of_kinds(bill: TableBill, kinds: Sequence[str]) -> float:
    assert bill.spiking is not None
    return sum(of_layer.get(kind, 0.0) for of_layer in bill.spiking.joules.values() for kind in kinds)


def _price(price: Any) -> str:
    if isinstance(price, float):
        return joules(price)
    return ", ".join(f"{joules(value)} ({kind})" for kind, value in price.items())


def _memory(table: CostTable) -> str:
    if table.memory is None:
        return ""
    steps = ", ".join(f"{joules(value)} up to {_kilobytes(size)}" for size, value in table.memory.steps)
    return f"a word of {table.memory.word_bits} bits: {steps} ({', '.join(ACCESSES)})"


def _kilobytes(size: int) -> str:
    return f"{size / 1024:,.4g} KB"
