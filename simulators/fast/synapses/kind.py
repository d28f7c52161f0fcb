"""What the kernels must know of a synapse kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lapilli.netx_exports.network import Layer
from lapilli.simulators.fast.draft import Draft
from lapilli.simulators.fast.records import Operation


@dataclass(frozen=True)
class SynapseKind:
    """A synapse kind in the kernels.

    Arguments:
        lower: gives an operation what depends on the kind, from a draft, the layer and its synapse; returns which of
            the `accumulations` is to be used.
        accumulations: compiled, `(program, state, op, step, weights, first, n_events)`: add what the events bring that
            stand in `State.spike_list` from `first` on to the accumulator of operation `op`.
    """

    lower: Callable[[Draft, Layer, Any, Operation], Any]
    accumulations: tuple[Any, ...]
