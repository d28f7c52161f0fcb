"""A profile as one HTML page that needs nothing else: no network, no scripts, no fonts."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from lapilli.page_templates import page_templates
from lapilli.profile import estimate_views, views
from lapilli.profile.estimates import BASELINES, compared, neurobench_lines, partial_tables, range_line, reasons, span
from lapilli.profile.measuring import Profile
from lapilli.profile.text import joules, percent
from lapilli.simulators.bill import ASSUMPTIONS, CostTable
from lapilli.simulators.bill.bill import NO_LOIHI_2
from lapilli.simulators.bill.kinds import KINDS
from lapilli.simulators.evidence.provenance import commit, machine
from lapilli.simulators.results import COUNTERS


def page(profiles: Sequence[Profile], tables: Sequence[CostTable], source: str) -> str:
    """The page.

    Arguments:
        profiles: one or more.
        tables: by which they were billed.
        source: name of the event file.
    """
    made = {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d"), "commit": commit(), "machine": machine()}
    return (
        page_templates()
        .get_template("profile.html")
        .render(
            title=", ".join(dict.fromkeys(profile.case.name for profile in profiles)),
            source=source,
            made=made,
            samples=len(profiles[0].counts),
            profiles=[_view(profile) for profile in profiles],
            comparison=estimate_views.comparison(profiles),
            trade_off=estimate_views.trade_off(profiles),
            baselines=BASELINES,
            share_names=list(estimate_views.SHARES),
            cards=estimate_views.table_cards(tables),
            assumptions=ASSUMPTIONS,
            kinds=KINDS,
            loihi2=NO_LOIHI_2,
            partial_tables=partial_tables(profiles[0].bill),
            counters=COUNTERS,
        )
    )


def _view(profile: Profile) -> dict[str, Any]:
    bill, case = profile.bill, profile.case
    return {
        "case": case,
        "fingerprint": profile.network.fingerprint,
        "tiles": views.tiles(profile),
        "layers": views.layer_rows(profile),
        "bars": views.layer_bars(profile),
        "synapses": views.synapse_rows(profile),
        "sources": views.source_rows(profile),
        "graded": bool(profile.network.graded_sources),
        "cores": views.core_rows(profile),
        "accesses": views.access_rows(profile),
        "neurobench": neurobench_lines(profile),
        "activity": views.activity_view(profile),
        "rate": percent(bill.spike_rate),
        "estimates": estimate_views.estimate_rows(profile),
        "literature": joules(sum(bill.literature.values())),
        "axis": estimate_views.axis(profile),
        "partial": estimate_views.partial(profile),
        "shares": estimate_views.shares(profile),
        "by_layer": estimate_views.by_layer(profile),
        "columns": list(profile.network.shapes),
        "span": span(bill),
        "range": range_line(bill),
        "ratios": [(name, compared(bill, name)) for name in BASELINES],
        "reasons": reasons(bill),
    }
