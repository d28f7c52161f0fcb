"""What the page shows of a profile's counts: rows of texts, bars in percent, curves."""

from typing import Any, NamedTuple

import numpy as np

from lapilli.netx_exports import INPUT
from lapilli.profile.charts import Area, Raster, area, raster
from lapilli.profile.measuring import Profile, amounts_by_layer, mean
from lapilli.profile.text import accuracy_text, mean_text, percent
from lapilli.simulators.bill.kinds import ACCESSES
from lapilli.simulators.results import COUNTERS


class Bar(NamedTuple):
    """A bar of a layer: its length in percent of the longest."""

    name: str
    text: str
    length: float


class Strip(NamedTuple):
    """A chart of one layer or of the input."""

    name: str
    note: str
    chart: Area | Raster
    is_input: bool


def tiles(profile: Profile) -> list[tuple[str, str, str]]:
    """The figures to read first: value, name, remark. Counts only."""
    counts, case = profile.counts, profile.case
    found = [
        (mean_text(mean(counts.syn_ops)), "synaptic operations", "a sample"),
        (mean_text(mean(counts.sent)), "events", "a sample, the input's among them"),
        (mean_text(mean(counts.dendrite_updates)), "neuron updates", "a sample"),
        (percent(profile.bill.spike_rate), "spike rate", "events per neuron and step, weighted by connections"),
    ]
    right = ("-", "accuracy", case.why_no_accuracy)
    if profile.accuracy is not None:
        right = (accuracy_text(profile.accuracy), "accuracy", f"of {len(counts):,} samples")
    return [*found, right]


def layer_rows(profile: Profile) -> list[list[str]]:
    """Layer and Loihi 2's counters; the network last."""
    means = _counter_means(profile)
    rows = [[name, *map(mean_text, of_layer)] for name, of_layer in means.items()]
    return [*rows, ["network", *(mean_text(sum(column)) for column in zip(*means.values()))]]


def layer_bars(profile: Profile) -> list[tuple[str, list[Bar]]]:
    """Title and bars of three counters."""
    counts, network = profile.counts, profile.network
    means = _counter_means(profile)
    sent = {name: mean(counts.sent[:, number]) for number, name in enumerate(network.shapes)}
    return [
        ("Synaptic operations", _bars({name: found[COUNTERS.index("syn_ops")] for name, found in means.items()})),
        ("Events sent", _bars(sent)),
        ("Neuron updates", _bars({name: found[COUNTERS.index("dendrite_updates")] for name, found in means.items()})),
    ]


def synapse_rows(profile: Profile) -> list[list[str]]:
    """Layer, source, kind, events, operations."""
    counts, graded = profile.counts, profile.network.graded_sources
    return [
        [
            synapse.layer,
            synapse.source,
            synapse.kind + (", graded" if synapse.source in graded else ""),
            mean_text(mean(counts.synapse_events[:, column])),
            mean_text(mean(counts.synapse_ops[:, column])),
        ]
        for column, synapse in enumerate(counts.synapses)
    ]


def source_rows(profile: Profile) -> list[list[str]]:
    """Source, neurons, events sent, events per neuron and step, and bits of values where any source has them."""
    counts, network = profile.counts, profile.network
    rows = []
    for number, name in enumerate(network.shapes):
        sent, neurons = mean(counts.sent[:, number]), len(counts.neuron_events[number])
        bits = mean_text(mean(counts.payload_bits[:, number])) if name in network.graded_sources else "binary"
        row = [name, f"{neurons:,}", mean_text(sent), percent(sent / neurons / profile.case.n_steps)]
        rows.append([*row, *([bits] if network.graded_sources else [])])
    return rows


def core_rows(profile: Profile) -> list[list[str]]:
    """Layer, cores, and what the busiest of them does."""
    rows = []
    for core in profile.cores:
        found = (core.syn_ops, core.dendrite_updates, core.sent)
        cores = "fits none" if core.cores is None else f"{core.cores:,}"
        rows.append([core.layer, cores, *("-" if value is None else mean_text(value) for value in found)])
    return rows


def access_rows(profile: Profile) -> list[list[str]]:
    """Layer and accesses to each memory."""
    samples, found = len(profile.counts), amounts_by_layer(profile.amounts)
    return [[layer, *(mean_text(kinds.get(kind, 0) / samples) for kind in ACCESSES)] for layer, kinds in found.items()]


def activity_view(profile: Profile) -> dict[str, Any] | None:
    """Curves and raster; None where no sample was looked at."""
    activity, case = profile.activity, profile.case
    if activity is None or not activity.samples:
        return None
    numbers = activity.samples
    return {
        "samples": f"{len(numbers)} of {len(profile.counts):,} samples",
        "numbers": ", ".join(map(str, numbers))
        if len(numbers) <= 4
        else f"{numbers[0]}, {numbers[1]}, … {numbers[-1]}",
        "first": numbers[0],
        "label": activity.label,
        "sent": [_curve(name, values) for name, values in activity.sent.items()],
        "syn_ops": [_curve(name, values) for name, values in activity.syn_ops.items()],
        "rasters": [_raster(profile, name) for name in activity.raster],
        "steps": case.n_steps,
        "input_end": 100 * case.input_steps / case.n_steps,
        "input_steps": case.input_steps,
    }


def _curve(name: str, values: Any) -> Strip:
    found = area(values)
    shared = f", mean of {found.steps_of_column} steps" if found.steps_of_column > 1 else ""
    return Strip(name, f"peak {mean_text(found.peak)}{shared}", found, name == INPUT)


def _raster(profile: Profile, name: str) -> Strip:
    assert profile.activity is not None
    events = profile.activity.raster[name]
    found = raster(events.step, events.neuron, profile.case.n_steps, events.n_neurons)
    shared = f", {found.neurons_of_row} in a row" if found.neurons_of_row > 1 else ""
    active = len(np.unique(events.neuron))
    note = f"{events.n_events:,} events of {active:,} of {events.n_neurons:,} neurons{shared}"
    return Strip(name, note, found, name == INPUT)


def _counter_means(profile: Profile) -> dict[str, list[float]]:
    counts = profile.counts
    arrays = [getattr(counts, counter) for counter in COUNTERS]
    return {name: [mean(array[:, number]) for array in arrays] for number, name in enumerate(counts.layers)}


def _bars(values: dict[str, float]) -> list[Bar]:
    longest = max(values.values()) or 1.0
    return [Bar(name, mean_text(value), 100 * value / longest) for name, value in values.items()]
