"""Running samples through a lowered network, and keeping what was asked for."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.fast.calls import calls_of
from lapilli.simulators.fast.kernels.entries import run_until_full
from lapilli.simulators.fast.program import Int32, Lowered
from lapilli.simulators.fast.state import new_state
from lapilli.simulators.plan import RunPlan

Int64 = npt.NDArray[np.int64]

_FIRST_CAPACITY = 1 << 12


class Kept(NamedTuple):
    """What a chunk of samples left behind.

    Arguments:
        layer, step, neuron, value: recorded spikes, by sample and step; neurons as the program numbers them; values
            only of layers whose spikes are graded.
        offsets: (samples + 1), where each sample's spikes begin.
        synapse_ops: (samples, synapses).
        sent, payload_bits: (samples, sources).
        input_events, layer_events: events of each input and of each padded neuron in all samples.
        counted: (samples, counters of all layers' neurons).
        tally: spikes of each padded neuron in the current sample; empty where nothing is to be counted.
        states: (samples, steps, recorded states of neurons).
    """

    layer: Int32
    step: Int32
    neuron: Int32
    value: Int32
    offsets: Int64
    synapse_ops: Int64
    sent: Int64
    payload_bits: Int64
    input_events: Int64
    layer_events: Int64
    counted: Int64
    tally: Int32
    states: Int32


def run_chunk(
    lowered: Lowered,
    chunk: Events,
    plan: RunPlan,
    keeps_spikes: npt.NDArray[np.bool_],
    state_at: Int64,
    counted: bool = True,
) -> Kept:
    """Run samples one after the other, each from a clear state.

    Arguments:
        lowered: the lowered network.
        chunk: input events, `plan.n_steps` steps long.
        plan: steps and reset.
        keeps_spikes: for each layer, whether its spikes are kept.
        state_at: (layers, states), where a state of a layer's neurons begins in what is recorded; -1: not recorded.
        counted: whether to count; only to measure what counting costs.
    """
    program, calls = lowered.program, calls_of(lowered)
    n_samples, n_layers = len(chunk), len(program.layers)
    n_recorded = int(np.sum((state_at >= 0) * program.layers["n"][:, None]))
    layer, step, neuron, sent_values = (np.empty(_FIRST_CAPACITY, np.int32) for _ in range(4))
    states = np.zeros((n_samples, plan.n_steps, n_recorded), np.int32)
    offsets = np.zeros(n_samples + 1, np.int64)
    kept = Kept(
        layer,
        step,
        neuron,
        sent_values,
        offsets,
        synapse_ops=np.zeros((n_samples, len(program.ops)), np.int64),
        sent=np.zeros((n_samples, n_layers + 1), np.int64),
        payload_bits=np.zeros((n_samples, n_layers + 1), np.int64),
        input_events=np.zeros(int(program.sources["n"][0]), np.int64),
        layer_events=np.zeros(program.n_padded, np.int64),
        counted=np.zeros((n_samples, program.n_counted), np.int64),
        tally=np.zeros(program.n_padded if counted else 0, np.int32),
        states=states,
    )
    value = np.ones(1, np.int32)
    if program.sources["graded"][0]:
        value = np.ones(chunk.n_events, np.int32) if chunk.value is None else _block(chunk.value)
    interval, offset = (plan.reset.interval, plan.reset.offset) if plan.reset else (0, 0)
    step_of, neuron_of, offsets_of = (_block(array) for array in (chunk.step, chunk.neuron, chunk.offsets))
    state = new_state(program)
    cursor = np.zeros(4, np.int64)
    largest = int(program.layers["n"][keeps_spikes].sum())
    while True:
        if len(kept.step) - cursor[3] < largest:
            size = 2 * len(kept.step) + largest
            layer, step, neuron, sent_values = (_grown(array, size) for array in kept[:4])
            kept = kept._replace(layer=layer, step=step, neuron=neuron, value=sent_values)
        run_until_full(
            program, state, calls, cursor, step_of, neuron_of, value, offsets_of, plan.n_steps, interval,
            offset, keeps_spikes, largest, state_at, kept,
        )  # fmt: skip
        if cursor[0] == n_samples:
            break
    n_kept = int(cursor[3])
    layer, step, neuron, sent_values = (array[:n_kept] for array in kept[:4])
    return kept._replace(layer=layer, step=step, neuron=neuron, value=sent_values)


def _block(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array as kernels are compiled for: a block of memory of its own type. It is copied only where it is none."""
    return np.require(array, requirements=("C", "A", "W"))


def _grown(array: Int32, size: int) -> Int32:
    larger = np.empty(size, array.dtype)
    larger[: len(array)] = array
    return larger
