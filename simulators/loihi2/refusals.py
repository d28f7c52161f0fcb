"""What the `loihi2` backend refuses before anything runs: what is missing here, and what the chip cannot express."""

import os
from collections.abc import Iterator

import numpy as np

from lapilli.lava_models.refusals import lava_refusals
from lapilli.netx_exports.chip.limits import LARGEST_INPUT
from lapilli.netx_exports.chip.needs import chip_needs
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events
from lapilli.simulators.lava.client import installed
from lapilli.simulators.lava.runs import Route
from lapilli.simulators.loihi2.latency import Latency
from lapilli.simulators.loihi2.runs import is_reset_interval
from lapilli.simulators.plan import RunPlan

_EXTENSION = (
    # What `lava.utils.loihi.is_installed` looks for.
    "lava.utils.loihi2_profiler",
    "lava.magma.core.model.nc.model",
    "lava.proc.embedded_io.spike",
)
_BOARD = ("SLURM", "NOSLURM", "NXSDKHOST")


def missing_parts() -> tuple[str, ...]:
    """What is not here of what a run on the chip needs."""
    missing = [] if installed("lava.magma") else ["lava-nc 0.10.0"]
    if modules := [module for module in _EXTENSION if not installed(module)]:
        missing.append(f"Intel's Loihi extension of Lava (lava-loihi; no {', '.join(modules)})")
    if not installed("nxcore"):
        missing.append("Intel's NxCore (nxcore)")
    if not any(os.environ.get(name) for name in _BOARD):
        missing.append(f"a board, named in the environment ({', '.join(_BOARD[:-1])} or {_BOARD[-1]})")
    return tuple(missing)


def chip_refusals(network: Network, events: Events, plan: RunPlan, route: Route) -> tuple[str, ...]:
    """Why this run could not be exact on the chip, one phrase for each reason; empty where nothing is known to."""
    largest = 1 if events.value is None else int(np.abs(events.value.astype(np.int64)).max(initial=1))
    return (
        *chip_needs(network).problems,
        *lava_refusals(network, {INPUT: largest}),
        *_route_refusals(network, route),
        *_run_refusals(plan, largest),
    )


def _route_refusals(network: Network, route: Route) -> Iterator[str]:
    if route.graph == "stock":
        return
    for layer in network.layers:
        if any(synapse.spatial for synapse in layer.synapses):
            yield (
                f"layer {layer.name!r}: the chip's convolutions and their neurons have NetX's layout, which only "
                "lava-dl's own reader builds: it needs lava-dl and a network that plain NetX can say"
            )


def _run_refusals(plan: RunPlan, largest: int) -> Iterator[str]:
    if largest > LARGEST_INPUT:
        yield f"input values up to {largest} do not fit the 24 bits of a graded spike"
    if plan.reset is not None and not is_reset_interval(plan.reset.interval):
        yield f"reset: the chip's interval must be a power of 2, got {plan.reset.interval}"
    for name, kinds in plan.record.items():
        if states := sorted(set(kinds) - {"spikes"}):
            yield f"record: of layer {name!r} spikes only, not {', '.join(states)}: neurons keep them on the chip"


def latency_refusals(network: Network, latency: Latency) -> tuple[str, ...]:
    """Why a network could not be exact on a board of this latency."""
    if not latency.into:
        return ()
    return tuple(
        f"layer {layer.name!r}: its bias acts from step 0 on, but input reaches this board {latency.into} steps late"
        for layer in network.layers
        if layer.neuron.has_bias
    )
