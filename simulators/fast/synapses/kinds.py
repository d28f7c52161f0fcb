"""The synapse kinds that the kernels run, and the accumulation of any of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lapilli.simulators.fast.synapses.conv import CONV
from lapilli.simulators.fast.synapses.dense import DENSE
from lapilli.simulators.fast.synapses.direct import DIRECT
from lapilli.simulators.fast.synapses.hand_over import HAND_OVER
from lapilli.simulators.fast.synapses.identity import IDENTITY
from lapilli.simulators.fast.synapses.join import JOIN
from lapilli.simulators.fast.synapses.kind import SynapseKind
from lapilli.simulators.fast.synapses.rotary import ROTARY
from lapilli.simulators.fast.synapses.taps import TAPS
from lapilli.simulators.fast.synapses.window_conv import WINDOW_CONV

FAST_SYNAPSES: Mapping[str, SynapseKind] = MappingProxyType(
    {
        "dense": DENSE,
        "conv": CONV,
        "identity": IDENTITY,
        "direct": DIRECT,
        "taps": TAPS,
        "rotary": ROTARY,
        "hand_over": HAND_OVER,
        "window_conv": WINDOW_CONV,
        "join": JOIN,
    }
)
"""How each synapse kind runs, by `kind`; a new one joins here."""

ACCUMULATIONS: tuple[Any, ...] = tuple(found for kind in FAST_SYNAPSES.values() for found in kind.accumulations)
"""What can happen to events on their way to an accumulator; `Operation.kind` is the place."""
