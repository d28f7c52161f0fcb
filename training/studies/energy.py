"""What a sample may cost, for tables of studies."""

from dataclasses import dataclass

from lapilli.netx_exports import Network
from lapilli.netx_exports.one_step import WindowSchedule
from lapilli.simulators import run
from lapilli.simulators.bill.bill import PASS_A_STEP, TableBill, bill_of
from lapilli.simulators.bill.cost_table import load_table
from lapilli.simulators.events import Events
from lapilli.training.data.samples import Samples
from lapilli.training.exported.image_streams import in_a_row, streamable
from lapilli.training.studies.collect import Row

ENERGY_TABLE = "horowitz-45nm-int8"
"""Cost table of the estimate; `lapilli profile` has the others, and what each leaves out."""


@dataclass(frozen=True)
class _Joules:
    """Of the network, and of the same one without spikes, where the table prices them."""

    spiking: float
    dense: float | None


def estimated_energy(network: Network, samples: Samples, n_steps: int) -> Row:
    """What a sample may cost by `ENERGY_TABLE`, in microjoules, and over the same network without spikes.

    Of a network to which images can come one behind the other: what a further image costs. Alone, an image would be
    billed for the empty ones behind it.

    Arguments:
        network: to bill.
        samples: at least one.
        n_steps: that a sample runs.

    Returns:
        Two columns; empty where the table does not price the network, and for a single image of a row.
    """
    schedule = streamable(network, samples, n_steps)
    events = samples.events()
    found = _alone(network, events, n_steps) if schedule is None else _further(network, events, schedule)
    if found is None:
        return {f"uj_by_{ENERGY_TABLE}": "", "over_dense_pass_a_step": ""}
    return {
        f"uj_by_{ENERGY_TABLE}": round(1e6 * found.spiking, 4),
        "over_dense_pass_a_step": "" if found.dense is None else round(found.spiking / found.dense, 4),
    }


def _alone(network: Network, events: Events, n_steps: int) -> _Joules | None:
    """Of a sample by itself."""
    counts = run(network, events, n_steps=n_steps).counts
    return _joules(bill_of(network, counts, events.n_steps, [load_table(ENERGY_TABLE)]).tables[0])


def _further(network: Network, images: Events, schedule: WindowSchedule) -> _Joules | None:
    """Of each image behind the first."""
    whole, first = (_row(network, images.select(slice(0, number)), schedule) for number in (len(images), 1))
    if whole is None or first is None or len(images) < 2:
        return None
    # Both rows begin and end with the same empty images, which no network without spikes has.
    spiking = (whole.spiking - first.spiking) / (len(images) - 1)
    return _Joules(spiking, None if whole.dense is None else whole.dense / len(images))


def _row(network: Network, images: Events, schedule: WindowSchedule) -> _Joules | None:
    """Of images one behind the other; each is a pass of the network without spikes."""
    n_steps = schedule.steps(len(images))
    counts = run(network, in_a_row(images, schedule.period), n_steps=n_steps).counts
    return _joules(bill_of(network, counts, len(images), [load_table(ENERGY_TABLE)]).tables[0])


def _joules(bill: TableBill) -> _Joules | None:
    if bill.spiking is None:
        return None
    dense = bill.baselines.get(PASS_A_STEP)
    return _Joules(bill.spiking.total, None if dense is None else dense.estimate.total)
