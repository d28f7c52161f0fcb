"""Cost tables: joules of each kind of event, from a file that says where every number comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import FormatError, LapilliError, did_you_mean
from lapilli.netx_exports.files import is_file
from lapilli.simulators.bill.kinds import ACCESSES, KINDS, OPERATIONS, priced_kinds
from lapilli.simulators.files.plain_yaml import parse_yaml, read_yaml

SYNAPSE_KINDS = ("dense", "conv", "identity", "direct", "taps", "rotary", "hand_over", "window_conv", "join")

_FIRST_SYNAPSE_KINDS = SYNAPSE_KINDS[:4]
"""Those that a table must price which prices by kind; networks with a later one that has no price are not billed."""

_AT_SYNAPSES = ("accumulate", "multiply_accumulate", "event_delivered")
_TEXTS = ("name", "title", "node", "precision", "date", "source")
_KNOWN = {*_TEXTS, "picojoules", "memory", "bits", "included", "leaves_out", "refuses", "remarks"}


@dataclass(frozen=True)
class MemoryPrices:
    """What one access costs, by the size of the memory.

    Arguments:
        word_bits: bits of one access.
        steps: (largest size in bytes, joules of a word), smallest memory first.
    """

    word_bits: int
    steps: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class CostTable:
    """Joules of each kind of event. Every kind is priced, included in another, left out, or refused: never forgotten.

    Arguments:
        name: short, as on the command line.
        title, node, precision, date, source: what was measured or simulated, in which process, when, by whom.
        joules: of one event by kind; by kind of synapse where the costs differ.
        memory: prices of accesses; None where they are included in others or left out.
        bits: widths that the prices are for ("weight", "state", "activation"); the network's own where not given.
        included: kind to the kind whose price holds it.
        leaves_out: kind to the reason why it costs nothing here.
        refuses: kind to the reason why a network that needs it cannot be billed.
        remarks: what else is left out.
    """

    name: str
    title: str
    node: str
    precision: str
    date: str
    source: str
    joules: Mapping[str, float | Mapping[str, float]]
    memory: MemoryPrices | None
    bits: Mapping[str, int]
    included: Mapping[str, str]
    leaves_out: Mapping[str, str]
    refuses: Mapping[str, str]
    remarks: tuple[str, ...]


def bundled_tables() -> tuple[str, ...]:
    """Names of the tables that come with lapilli."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if _is_table(entry.name)))


def load_table(name_or_path: str | Path) -> CostTable:
    """A table that comes with lapilli, by name, or a user's own, by path (YAML).

    Raises:
        LapilliError: when there is no such table.
        FormatError: listing every problem of the file.
    """
    name = str(name_or_path)
    if name in bundled_tables():
        return _table(name, parse_yaml(_folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8"), name))
    if not is_file(name):
        known = ", ".join(bundled_tables())
        meant = did_you_mean(name, bundled_tables())
        raise LapilliError(f"no cost table {name!r}: neither a file nor one of {known}{meant}")
    return _table(name, read_yaml(name))


def _table(subject: str, content: Any) -> CostTable:
    if not isinstance(content, dict):
        raise FormatError(subject, ["must be a mapping of fields such as name, source and picojoules"])
    if problems := list(_problems(content)):
        raise FormatError(subject, problems)
    memory = content.get("memory")
    return CostTable(
        **{field: str(content[field]) for field in _TEXTS},
        joules={kind: _in_joules(price) for kind, price in content["picojoules"].items()},
        memory=None if memory is None else _memory(memory),
        bits=content.get("bits", {}),
        included=content.get("included", {}),
        leaves_out=content.get("leaves_out", {}),
        refuses=content.get("refuses", {}),
        remarks=tuple(content.get("remarks", ())),
    )


def _problems(content: Mapping[Any, Any]) -> Iterator[str]:
    yield from (f"{field}: no such field" for field in content if field not in _KNOWN)
    for field in _TEXTS:
        if not str(content.get(field) or "").strip():
            yield f"{field}: missing; a cost table says where its numbers come from"
    if not isinstance(content.get("picojoules"), dict) or not content["picojoules"]:
        yield "picojoules: missing; must map kinds of events to numbers"
        return
    for kind, price in content["picojoules"].items():
        if kind not in priced_kinds():
            yield f"picojoules: no such kind {kind!r}; known are {', '.join(sorted(priced_kinds()))}"
        else:
            yield from _price_problems(f"picojoules: {kind}", price, at_synapse=kind in _AT_SYNAPSES)
    yield from _memory_problems(content.get("memory"))
    yield from _bits_problems(content.get("bits", {}))
    found = [problem for field in ("included", "leaves_out", "refuses") for problem in _reasons(content, field)]
    yield from found
    if not found:
        yield from _coverage(content)
    remarks = content.get("remarks", [])
    if not isinstance(remarks, list) or not all(isinstance(remark, str) for remark in remarks):
        yield "remarks: must be a list of sentences"


def _price_problems(place: str, price: object, at_synapse: bool) -> Iterator[str]:
    if at_synapse and isinstance(price, dict):
        if not {*_FIRST_SYNAPSE_KINDS} <= set(price) <= {*SYNAPSE_KINDS}:
            known = f"{', '.join(_FIRST_SYNAPSE_KINDS)}, and may for {', '.join(SYNAPSE_KINDS[4:])}"
            yield f"{place}: must have a price for each of {known}, got {', '.join(map(str, price))}"
        for kind, of_kind in price.items():
            if not _is_price(of_kind):
                yield f"{place}: {kind}: must be a number above 0, got {of_kind!r}"
    elif not _is_price(price):
        yield f"{place}: must be a number above 0, got {price!r}"


def _memory_problems(memory: object) -> Iterator[str]:
    if memory is None:
        return
    if not isinstance(memory, dict) or set(memory) != {"word_bits", "picojoules_up_to_bytes"}:
        yield "memory: must have the fields word_bits and picojoules_up_to_bytes, and no others"
        return
    if not _is_count(memory["word_bits"]):
        yield f"memory: word_bits: must be a whole number above 0, got {memory['word_bits']!r}"
    steps = memory["picojoules_up_to_bytes"]
    if not isinstance(steps, dict) or not steps or not all(map(_is_count, steps)):
        yield "memory: picojoules_up_to_bytes: must map sizes in bytes, whole numbers above 0, to numbers"
        return
    for size, price in steps.items():
        yield from _price_problems(f"memory: picojoules_up_to_bytes: {size}", price, at_synapse=False)


def _bits_problems(bits: object) -> Iterator[str]:
    widths = ("weight", "state", "activation")
    if not isinstance(bits, dict) or not set(bits) <= set(widths) or not all(map(_is_count, bits.values())):
        yield f"bits: must map some of {', '.join(widths)} to whole numbers above 0, got {bits!r}"


def _reasons(content: Mapping[Any, Any], field: str) -> Iterator[str]:
    entries = content.get(field, {})
    if not isinstance(entries, dict):
        yield f"{field}: must map kinds of events to sentences"
        return
    for kind, reason in entries.items():
        if kind not in {*KINDS, *priced_kinds()}:
            yield f"{field}: no such kind {kind!r}; known are {', '.join(KINDS)}"
        if not isinstance(reason, str) or not reason.strip():
            yield f"{field}: {kind}: must be a sentence, got {reason!r}"


def _coverage(content: Mapping[Any, Any]) -> Iterator[str]:
    """Kinds about which the table says nothing, or two things."""
    places = [list(content["picojoules"]), list(ACCESSES) if content.get("memory") is not None else []]
    places += [list(content.get(field, {})) for field in ("included", "leaves_out", "refuses")]
    said = [kind for place in places for kind in place]
    # What kinds count by themselves may be passed over: a network in which it happens is then not billed.
    if silent := [kind for kind in (*OPERATIONS, *ACCESSES) if kind not in said]:
        yield f"nothing said about {', '.join(silent)}: price, or list in included, leaves_out or refuses with a reason"
    if double := sorted({str(kind) for kind in said if said.count(kind) > 1}):
        yield f"said twice: {', '.join(double)}"


def _memory(memory: Mapping[str, Any]) -> MemoryPrices:
    steps = sorted(memory["picojoules_up_to_bytes"].items())
    return MemoryPrices(memory["word_bits"], tuple((size, price * 1e-12) for size, price in steps))


def _in_joules(price: Any) -> float | dict[str, float]:
    return {kind: of_kind * 1e-12 for kind, of_kind in price.items()} if isinstance(price, dict) else price * 1e-12


def _is_price(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and value > 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _folder() -> Any:
    return files("lapilli.simulators.bill").joinpath("tables")


def _is_table(name: str) -> bool:
    return name.endswith(".yaml")
