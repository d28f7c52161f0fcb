"""A profile on the terminal: exact counts first, estimates in a block of their own."""

from collections.abc import Iterator, Sequence

from lapilli.output import NumberText, print_lines, print_table
from lapilli.printable import say
from lapilli.profile import views
from lapilli.profile.estimates import (
    BASELINES,
    compared,
    memory_share,
    neurobench_lines,
    partial_tables,
    priced,
    range_line,
    reasons,
    span,
)
from lapilli.profile.measuring import Profile, mean
from lapilli.profile.text import accuracy_text, break_even, joules, mean_text, percent, times
from lapilli.simulators.bill import TableBill
from lapilli.simulators.bill.bill import NO_LOIHI_2, ONE_PASS, PASS_A_STEP
from lapilli.simulators.results import COUNTERS

_HEADINGS = {ONE_PASS: "/ one\npass", PASS_A_STEP: "/ pass\na step"}


def print_profile(profile: Profile) -> None:
    """Print one profile."""
    say(_headline(profile))
    say("\nCOUNTS, exact; means per sample\n")
    _print_counts(profile)
    say("\nESTIMATE, by cost tables; nothing was measured on a chip\n")
    _print_estimates(profile)


def print_comparison(profiles: Sequence[Profile]) -> None:
    """Print several profiles, a row for each."""
    samples = len(profiles[0].counts)
    say(f"{samples:,} samples\n\nCOUNTS, exact; means per sample\n")
    columns = ["network", "steps", "accuracy", "syn_ops", "dendrite_updates", "events sent"]
    print_table("", columns, [_compared_counts(profile) for profile in profiles])
    missing = {profile.case.name: profile.case.why_no_accuracy for profile in profiles}
    print_lines(f"no accuracy of {name}: {reason}" for name, reason in missing.items() if reason)
    say("\nESTIMATE, by cost tables; nothing was measured on a chip\n")
    columns = ["network", "steps", "energy", "/ one pass", "/ a pass a step"]
    title = "lowest and highest over the tables; / the dense network"
    print_table(title, columns, [_compared_estimates(profile) for profile in profiles])
    tables = ", ".join(found.table.name for found in profiles[0].bill.tables)
    if remark := partial_tables(profiles[0].bill):
        tables += f" ({remark})"
    more = "layer by layer, table by table, and every assumption: --html FILE, --csv FILE or --json"
    print_lines([f"tables: {tables}", NO_LOIHI_2, more])


def _headline(profile: Profile) -> str:
    case = profile.case
    steps = f"{case.input_steps} steps of input, {case.n_steps} run"
    right = case.why_no_accuracy and f"no accuracy: {case.why_no_accuracy}"
    if profile.accuracy is not None:
        right = f"accuracy {accuracy_text(profile.accuracy)}"
    return f"{case.name}: {len(profile.counts):,} samples, {steps}, {right}"


def _print_counts(profile: Profile) -> None:
    _print_rows("Loihi 2's counters", ["layer", *COUNTERS], views.layer_rows(profile))
    _print_rows("synapses", ["layer", "source", "kind", "events", "operations"], views.synapse_rows(profile), words=3)
    columns = ["source", "neurons", "events sent", "per neuron and step"]
    bits = ["payload bits"] if profile.network.graded_sources else []
    _print_rows("spikes", [*columns, *bits], views.source_rows(profile))
    columns = ["layer", "cores at least", "syn_ops", "dendrite_updates", "events sent"]
    _print_rows("busiest core of each layer (cores: estimate of `lapilli inspect`)", columns, views.core_rows(profile))
    columns = ["layer", "weights", "sums", "states", "events"]
    _print_rows("memory accesses by the bill's rules", columns, views.access_rows(profile))
    metrics = [list(line) for line in neurobench_lines(profile)]
    _print_rows("NeuroBench's metrics (docs/reference/neurobench.md)", ["metric", "value"], metrics)


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> None:
    """Print a table whose first columns are words, and the others numbers."""
    print_table(title, columns, [[*row[:words], *map(_right, row[words:])] for row in rows])


def _print_estimates(profile: Profile) -> None:
    bill = profile.bill
    shown = [name for name in BASELINES if any(name in found.baselines for found in bill.tables)]
    rows = [list(_estimate_row(found, shown, bill.spike_rate)) for found in bill.tables]
    literature = joules(sum(bill.literature.values()))
    rows.append(["literature", *map(_right, (literature, "-", *["-"] * (2 * len(shown))))])
    columns = ["table", "energy", "memory", *(word for name in shown for word in (_HEADINGS[name], "break-\neven"))]
    print_table("energy of a sample; ratio to the same network, dense and without spikes", columns, rows)
    facts = [[found.table.name, _origin(found), priced(found.table)] for found in bill.tables]
    facts.append(["literature", "45 nm; 32-bit float: 4.6 and 0.9 pJ, as most papers estimate", "synapses only"])
    print_table("what the tables price", ["table", "node; precision; date", "prices"], facts)
    print_lines(_estimate_lines(profile, shown))


def _estimate_row(found: TableBill, shown: Sequence[str], rate: float) -> Iterator[object]:
    yield found.table.name
    spent = found.spiking
    yield _right("-" if spent is None else joules(spent.total))
    yield _right(memory_share(found))
    for name in shown:
        baseline = found.baselines.get(name)
        yield _right("-" if baseline is None else times(baseline.ratio))
        yield _right("-" if baseline is None else break_even(baseline, rate))


def _estimate_lines(profile: Profile, shown: Sequence[str]) -> Iterator[str]:
    bill = profile.bill
    yield f"energy over the tables: {range_line(bill)}"
    for name in shown:
        yield f"energy / that of {name}, over the tables: {compared(bill, name)}"
    yield (
        f"spike rate: {percent(bill.spike_rate)}, events per neuron and step, weighted by connections; break-even is "
        "the rate at which both cost the same (any: no rate is too high; none: no rate is low enough)"
    )
    yield from (f"not billed: {reason}" for reason in reasons(bill))
    yield NO_LOIHI_2
    yield "every assumption, and source and remarks of every table: --html FILE or --json"


def _origin(found: TableBill) -> str:
    return f"{found.table.node}; {found.table.precision}; {found.table.date}"


def _compared_counts(profile: Profile) -> list[object]:
    counts, case = profile.counts, profile.case
    right = "-" if profile.accuracy is None else accuracy_text(profile.accuracy)
    numbers = [mean(found) for found in (counts.syn_ops, counts.dendrite_updates, counts.sent)]
    return [case.name, case.input_steps, _right(right), *(_right(mean_text(number)) for number in numbers)]


def _compared_estimates(profile: Profile) -> list[object]:
    ratios = (compared(profile.bill, name) for name in BASELINES)
    return [profile.case.name, profile.case.input_steps, _right(span(profile.bill)), *map(_right, ratios)]


def _right(text: str) -> NumberText:
    return NumberText(text)
