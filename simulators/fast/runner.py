"""Running samples through a lowered network, and keeping what was asked for."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.events import Events
from simulators.fast.kernels import Int32, advance, clear, compiled, new_state, spliced
from simulators.fast.program import Program
from simulators.plan import RunPlan

Int64 = npt.NDArray[np.int64]

_FIRST_CAPACITY = 1 << 12


class Kept(NamedTuple):
    """What a chunk of samples left behind.

    Arguments:
        layer, step, neuron: recorded spikes, by sample and step; neurons as the program numbers them.
        offsets: (samples + 1), where each sample's spikes begin.
        syn_ops: (samples, layers); sent: (samples, sources).
        current, voltage: (samples, steps, recorded neurons).
    """

    layer: Int32
    step: Int32
    neuron: Int32
    offsets: Int64
    syn_ops: Int64
    sent: Int64
    current: Int32
    voltage: Int32


def run_chunk(
    program: Program, chunk: Events, plan: RunPlan, keeps_spikes: npt.NDArray[np.bool_], state_at: Int64
) -> Kept:
    """Run samples one after the other, each from a clear state.

    Arguments:
        program: the lowered network.
        chunk: input events, `plan.n_steps` steps long.
        plan: steps and reset.
        keeps_spikes: for each layer, whether its spikes are kept.
        state_at: for each layer, where its neurons begin in the recorded states, or -1 where they are not recorded.
    """
    n_samples, n_layers = len(chunk), len(program.layers)
    n_recorded = int(program.layers["n"][state_at >= 0].sum())
    layer, step, neuron = (np.empty(_FIRST_CAPACITY, np.int32) for _ in range(3))
    current, voltage = (np.zeros((n_samples, plan.n_steps, n_recorded), np.int32) for _ in range(2))
    sent, syn_ops = (np.zeros((n_samples, n), np.int64) for n in (n_layers + 1, n_layers))
    kept = Kept(layer, step, neuron, np.zeros(n_samples + 1, np.int64), syn_ops, sent, current, voltage)
    value = np.ones(1, np.int32)
    if program.graded_input:
        value = np.ones(chunk.n_events, np.int32) if chunk.value is None else chunk.value
    interval, offset = (plan.reset.interval, plan.reset.offset) if plan.reset else (0, 0)
    state = new_state(program)
    cursor = np.zeros(4, np.int64)
    largest = int(program.layers["n"][keeps_spikes].sum())
    while True:
        if len(kept.step) - cursor[3] < largest:
            size = 2 * len(kept.step) + largest
            kept = kept._replace(
                layer=_grown(kept.layer, size), step=_grown(kept.step, size), neuron=_grown(kept.neuron, size)
            )
        _run_until_full(
            program, state, cursor, chunk.step, chunk.neuron, value, chunk.offsets, plan.n_steps, interval, offset,
            keeps_spikes, largest, state_at, kept,
        )  # fmt: skip
        if cursor[0] == n_samples:
            break
    n_kept = int(cursor[3])
    return kept._replace(layer=kept.layer[:n_kept], step=kept.step[:n_kept], neuron=kept.neuron[:n_kept])


def _grown(array: Int32, size: int) -> Int32:
    larger = np.empty(size, array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def _run_until_full(
    program,
    state,
    cursor,
    step,
    neuron,
    value,
    offsets,
    n_steps,
    interval,
    offset,
    keeps_spikes,
    room,
    state_at,
    kept,
):
    """Run on from `cursor` (sample, step, input event, spikes kept) to the end or until spikes may not fit any more."""
    sample, now, event, n_kept = cursor[0], cursor[1], cursor[2], cursor[3]
    while sample < len(offsets) - 1:
        if now == 0:
            clear(state)
            event = offsets[sample]
        while now < n_steps and len(kept.step) - n_kept >= room:
            last = event
            while last < offsets[sample + 1] and step[last] == now:
                last += 1
            advance(program, state, now, neuron, value, event, last, interval, offset)
            event = last
            _count(program, state, now, kept.syn_ops, kept.sent, sample)
            n_kept = _keep(program, state, now, sample, keeps_spikes, state_at, kept, n_kept)
            now += 1
        if now < n_steps:
            break
        sample, now = sample + 1, 0
        kept.offsets[sample] = n_kept
    cursor[0], cursor[1], cursor[2], cursor[3] = sample, now, event, n_kept


@spliced
def _count(program, state, step, syn_ops, sent, sample):
    """Add this step's activity: every event of every source times the connections that it meets."""
    slot = step & (program.slots - 1)
    for source in range(len(program.sources)):
        n_events = state.spike_count[source, slot]
        if n_events == 0:
            continue
        sent[sample, source] += n_events
        at = program.sources[source].at + slot * program.sources[source].n
        first = program.sources[source].first_reader
        for reader in range(first, first + program.sources[source].n_readers):
            op = program.readers[reader]
            fan_at = program.ops[op].fan_at
            total = 0
            for index in range(at, at + n_events):
                total += program.fan_out[fan_at + state.spike_list[index]]
            syn_ops[sample, program.ops[op].layer] += total


@spliced
def _keep(program, state, step, sample, keeps_spikes, state_at, kept, n_kept):
    """Keep this step's spikes and states of the layers asked for; returns how many spikes are kept by now."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        if keeps_spikes[layer]:
            at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
            for index in range(at, at + state.spike_count[layer + 1, slot]):
                kept.layer[n_kept], kept.step[n_kept] = layer, step
                kept.neuron[n_kept] = state.spike_list[index]
                n_kept += 1
        if state_at[layer] >= 0:
            place, first = state_at[layer], program.layers[layer].at
            for i in range(program.layers[layer].n):
                kept.current[sample, step, place + i] = state.current[first + i]
                kept.voltage[sample, step, place + i] = state.voltage[first + i]
    return n_kept
