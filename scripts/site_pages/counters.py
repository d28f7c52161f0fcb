"""Pages of what is counted, and of what a count costs in each cost table."""

import inspect
from collections.abc import Mapping

import docstring_parser

from lapilli.simulators.bill.cost_table import CostTable, bundled_tables, load_table
from lapilli.simulators.bill.kinds import ACCESSES, COUNTERS, KINDS, OPERATIONS
from lapilli.simulators.results import COUNTERS as OF_LOIHI
from lapilli.simulators.results import Counts
from site_pages.markdown import sentence, table


def counters_page() -> str:
    """Every count of a run, and every quantity that a cost table prices."""
    of_loihi = {name: _fields().get(name) or inspect.getdoc(getattr(Counts, name)) or "" for name in OF_LOIHI}
    others = {name: text for name, text in _fields().items() if name not in OF_LOIHI}
    return (
        "# Counters\n\nThis page is made from the code. [The bill](bill.md) has the rules.\n\n"
        "## Loihi 2's counters\n\n`Counts` has one number for each sample and layer under these names.\n\n"
        f"{_named(of_loihi)}\n## Other arrays of `Counts`\n\n{_named(others)}\n"
        f"## Operations\n\nA cost table prices one of each.\n\n{_named(OPERATIONS)}\n"
        f"## Operations of some kinds of neurons and synapses\n\n{_named(COUNTERS)}\n"
        f"## Accesses to memory\n\nA cost table prices a word by the size of the memory.\n\n{_named(ACCESSES)}"
    )


def cost_tables_page() -> str:
    """Every cost table that comes with lapilli, with its source."""
    tables = [load_table(name) for name in bundled_tables()]
    prices = [[f"`{kind}`", *(_price(of, kind) for of in tables)] for kind in KINDS]
    header = ("quantity", *(f"[{of.name}](#{of.name})" for of in tables))
    overview = table(header, prices, right=range(1, len(header)))
    return (
        "# Cost tables\n\nThis page is made from the files in `simulators/bill/tables/`. "
        "Prices are in picojoules (pJ). An estimate is the sum of counts times prices. "
        "Nobody measured a network of lapilli on a chip.\n\n"
        "| mark | meaning |\n| --- | --- |\n| in | the price of another quantity holds it |\n"
        "| – | the table leaves it out, and says why below |\n| refused | a network that needs it gets no bill |\n"
        "| by size | a word costs what its memory's size says |\n\n"
        f"{overview}\n{chr(10).join(map(_table, tables))}"
    )


def _table(of: CostTable) -> str:
    facts = [["process", of.node], ["precision", of.precision], ["date", of.date], ["source", of.source]]
    if of.memory is not None:
        steps = (f"{joules * 1e12:g} pJ up to {size:,} bytes" for size, joules in of.memory.steps)
        facts.append([f"a word of {of.memory.word_bits} bits", "; ".join(steps)])
    reasons = [
        *((kind, "held by another price", text) for kind, text in of.included.items()),
        *((kind, "left out", text) for kind, text in of.leaves_out.items()),
        *((kind, "refused", text) for kind, text in of.refuses.items()),
    ]
    treated = table(("quantity", "treatment", "reason"), [[f"`{kind}`", how, text] for kind, how, text in reasons])
    remarks = "".join(f"* {sentence(text)}.\n" for text in of.remarks)
    return f"## {of.name}\n\n{sentence(of.title)}.\n\n{table(('fact', 'value'), facts)}\n{treated}\n{remarks}"


def _price(of: CostTable, kind: str) -> str:
    price = of.joules.get(kind)
    if isinstance(price, Mapping):
        found = sorted({joules * 1e12 for joules in price.values()})
        return f"{found[0]:g}…{found[-1]:g}"
    if price is not None:
        return f"{price * 1e12:g}"
    if kind in of.included:
        return "in"
    if kind in of.leaves_out:
        return "–"
    return "by size" if kind in ACCESSES and of.memory is not None else "refused"


def _fields() -> dict[str, str]:
    said = docstring_parser.parse(Counts.__doc__ or "").params
    return {name: entry.description or "" for entry in said for name in entry.arg_name.split(", ")}


def _named(meanings: Mapping[str, str]) -> str:
    return table(("name", "meaning"), [[f"`{name}`", sentence(text)] for name, text in meanings.items()])
