"""Calls, by their addresses, of what is compiled by itself: a step of the network, of neurons, and of synapses."""

from typing import Any

from numba.core import types

from lapilli.simulators.by_reference import call_address
from lapilli.simulators.compiled import intrinsic

WHOLE = types.int64
EVENTS = types.Array(types.int32, 1, "C", readonly=True)


@intrinsic
def call_advance(
    typing_context: Any,
    address: Any,
    program: Any,
    state: Any,
    calls: Any,
    step: Any,
    neuron: Any,
    value: Any,
    first: Any,
    last: Any,
    reset_interval: Any,
    reset_offset: Any,
) -> Any:
    """Call `advance`."""
    given = program, state, calls, WHOLE, EVENTS, EVENTS, WHOLE, WHOLE, WHOLE, WHOLE
    return types.none(WHOLE, *given), call_address


@intrinsic
def call_step(typing_context: Any, address: Any, program: Any, state: Any, layer: Any, shift: Any) -> Any:
    """Call the step of a layer's neurons: `NeuronKind.step`."""
    return types.none(WHOLE, program, state, WHOLE, WHOLE), call_address


@intrinsic
def call_accumulation(
    typing_context: Any,
    address: Any,
    program: Any,
    state: Any,
    op: Any,
    step: Any,
    weights: Any,
    first: Any,
    n_events: Any,
) -> Any:
    """Call the accumulation of an operation: one of `SynapseKind.accumulations`."""
    return types.none(WHOLE, program, state, WHOLE, WHOLE, weights, WHOLE, WHOLE), call_address
