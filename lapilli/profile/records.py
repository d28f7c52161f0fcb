"""A profile as JSON values: everything that is known, exact counts as whole numbers of all samples."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lapilli.profile.measuring import Profile, amounts_by_layer
from lapilli.simulators.bill import ASSUMPTIONS, CostTable, Estimate, TableBill
from lapilli.simulators.bill.bill import NO_LOIHI_2, ONE_PASS, PASS_A_STEP
from lapilli.simulators.bill.neurobench import network_metrics
from lapilli.simulators.results import COUNTERS


def profile_json(profiles: Sequence[Profile], tables: Sequence[CostTable]) -> dict[str, Any]:
    """The first profile, the others, and what the estimates rest on.

    Arguments:
        profiles: one or more.
        tables: by which they were billed.
    """
    first, *others = (_profile(profile) for profile in profiles)
    rests_on = {"loihi2": NO_LOIHI_2, "assumptions": list(ASSUMPTIONS), "tables": [asdict(table) for table in tables]}
    return {**first, "others": others, **rests_on}


def _profile(profile: Profile) -> dict[str, Any]:
    counts, case, bill = profile.counts, profile.case, profile.bill
    counters = {name: getattr(counts, name) for name in COUNTERS} | dict(counts.named)
    layers = {
        name: {counter: counted[:, number].tolist() for counter, counted in counters.items()}
        for number, name in enumerate(counts.layers)
    }
    return {
        "network": case.name,
        "fingerprint": profile.network.fingerprint,
        "samples": len(counts),
        "input_steps": case.input_steps,
        "steps": case.n_steps,
        "accuracy": profile.accuracy,
        "why_no_accuracy": case.why_no_accuracy or None,
        "decisions": None if profile.confusion is None else profile.confusion.as_json(),
        "totals": {name: {key: sum(values) for key, values in found.items()} for name, found in layers.items()},
        "sources": _sources(profile),
        "synapses": _synapses(profile),
        "amounts": amounts_by_layer(profile.amounts),
        "busiest_cores": [asdict(core) for core in profile.cores],
        "neurobench": network_metrics(profile.network, counts).as_neurobench(),
        "activity": _activity(profile),
        "estimates": [_table_bill(found) for found in bill.tables],
        "ratios": {name: bill.ratios(name) for name in (ONE_PASS, PASS_A_STEP)},
        "literature": dict(bill.literature),
        "spike_rate": bill.spike_rate,
        "per_sample": layers,
    }


def _sources(profile: Profile) -> dict[str, dict[str, int]]:
    """Of the input and of each layer: neurons, events sent, and the bits of their values where they have any."""
    counts, network = profile.counts, profile.network
    found = {}
    for number, name in enumerate(network.shapes):
        found[name] = {"neurons": len(counts.neuron_events[number]), "sent": int(counts.sent[:, number].sum())}
        if name in network.graded_sources:
            found[name]["payload_bits"] = int(counts.payload_bits[:, number].sum())
    return found


def _synapses(profile: Profile) -> list[dict[str, Any]]:
    counts = profile.counts
    events, operations = counts.synapse_events.sum(axis=0), counts.synapse_ops.sum(axis=0)
    return [
        {**synapse._asdict(), "events": int(events[column]), "operations": int(operations[column])}
        for column, synapse in enumerate(counts.synapses)
    ]


def _activity(profile: Profile) -> dict[str, Any] | None:
    if profile.activity is None:
        return None
    sent, operations = profile.activity.sent, profile.activity.syn_ops
    return {
        "samples": list(profile.activity.samples),
        "sent": {name: row.tolist() for name, row in sent.items()},
        "syn_ops": {name: row.tolist() for name, row in operations.items()},
    }


def _table_bill(found: TableBill) -> dict[str, Any]:
    baselines = {
        name: {**_estimate(other.estimate), "ratio": other.ratio, "break_even": other.break_even}
        for name, other in found.baselines.items()
    }
    return {
        "table": found.table.name,
        "spiking": None if found.spiking is None else _estimate(found.spiking),
        "baselines": baselines,
        "not_billed": dict(found.not_billed),
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    joules = {layer: dict(kinds) for layer, kinds in found.joules.items()}
    return {"joules": found.total, "memory": found.memory, "fixed": found.fixed, "by_layer": joules}
