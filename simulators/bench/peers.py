"""Part `peers`: the same network and batch in SLAYER, snnTorch and plain numpy, one thread, spikes compared first.

A peer gets its input ready, as dense spikes in the layout that it likes; the time is that of its forward pass, without
gradients. Its result are the spikes of both layers. Those of `fast` are its own sparse events, with exact counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, milliseconds, one_thread, repeated, seconds_of
from lapilli.simulators.bench.networks import recurrent_network
from lapilli.simulators.events import Events
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import run

Spikes = Mapping[str, npt.NDArray[Any]]
"""0 and 1 of each layer, (samples, neurons, steps)."""

Forward = Callable[[], Spikes]


@dataclass(frozen=True)
class Peer:
    """Another implementation.

    Arguments:
        name: for the table.
        module: where its `forward_of(network, events, n_steps)` is; it returns the forward pass, ready to be timed.
        exact: whether its arithmetic is ours, so that spikes must be equal.
        remark: what it is.
    """

    name: str
    module: str
    exact: bool
    remark: str

    def forward_of(self, network: Network, events: Events, n_steps: int) -> Forward:
        """The forward pass on these events.

        Raises:
            ModuleNotFoundError: where the peer is not installed.
        """
        forward: Forward = import_module(self.module).forward_of(network, events, n_steps)
        return forward


PEERS = (
    Peer(
        "numpy",
        "lapilli.simulators.bench.peer_numpy",
        True,
        "vectorised over the batch; all steps of the input in one product",
    ),
    Peer(
        "SLAYER",
        "lapilli.simulators.bench.peer_slayer",
        True,
        "block.cuba.Recurrent and Dense of lava-dl, quantised forward",
    ),
    Peer(
        "snnTorch", "lapilli.simulators.bench.peer_snntorch", False, "Linear and Synaptic, reset to zero, real numbers"
    ),
)


def bench_peers(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for `fast` and each peer; the ratio is a peer's time over that of `fast`.

    Raises:
        LapilliError: when spikes differ of a peer whose arithmetic is ours.
    """
    return [row for n_hidden in sizes.hidden for row in _of_network(n_hidden, sizes, watch)]


def _of_network(n_hidden: int, sizes: Sizes, watch: Watch) -> list[Row]:
    network, label = recurrent_network(n_hidden, sizes.seed), f"700-{n_hidden}r-20"
    events = random_events(network, sizes.batch, sizes.n_steps, sizes.density, sizes.seed + 1)
    both = [layer.name for layer in network.layers]
    record = dict.fromkeys(both, ("spikes",))

    def ours() -> Any:
        return run(network, events, n_steps=sizes.n_steps, threads=1, record=record)

    recordings = ours().recordings
    expected = {name: recordings[name].spikes.to_dense().astype(bool) for name in both}

    def row(what: str, seconds: tuple[float, ...], **facts: Any) -> Row:
        size = (sizes.batch, 1, sizes.n_steps)
        return Row("peers", label, what, *size, "ms per sample", milliseconds(seconds), **facts)

    with one_thread():
        seconds = repeated(f"fast on {label}", lambda: ours().seconds / sizes.batch, sizes.repeats, watch)
        rows = [row("fast", seconds, remark="records the spikes of both layers")]
        for peer in PEERS:
            watch.note(f"comparing {peer.name} on {label}")
            try:
                forward = peer.forward_of(network, events, sizes.n_steps)
            except ModuleNotFoundError as error:
                watch.note(f"skipped: {peer.name} needs {error.name}, which is not installed")
                continue
            compared = _compare(peer, forward(), expected)
            what = f"{peer.name} on {label}"
            seconds = repeated(what, seconds_of(forward, sizes.batch), sizes.repeats, watch)
            facts = {"ratio_of": "its time over that of fast", "compared": compared, "remark": peer.remark}
            ratio = float(np.median(seconds)) / (rows[0].median / 1e3)
            rows.append(row(peer.name, seconds, ratio=ratio, **facts))
    return rows


def _compare(peer: Peer, spikes: Spikes, expected: Spikes) -> str:
    """What came out of the comparison, for the row."""
    parts = []
    for name, ours in expected.items():
        theirs = np.asarray(spikes[name]) != 0
        if theirs.shape != ours.shape:
            raise LapilliError(f"bench: {peer.name} gives spikes of {name!r} as {theirs.shape}, expected {ours.shape}")
        either, different = int(np.sum(theirs | ours)), int(np.sum(theirs != ours))
        if different and peer.exact:
            raise LapilliError(f"bench: {different} of {either} spikes of {name!r} differ in {peer.name}")
        share = "equal"
        if different:
            first = int(np.flatnonzero((theirs != ours).any(axis=(0, 1)))[0])
            share = f"{different:,} differ ({different / either:.1%}), first in step {first}"
        parts.append(f"{name}: {either:,} spikes, {share}")
    return "; ".join(parts)
