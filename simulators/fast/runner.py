"""Running samples through a lowered network: kernels over chunks of samples, threads over chunks."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.fast.kernels import Int32, State, advance, clear, compiled
from simulators.fast.program import Program

Int64 = npt.NDArray[np.int64]


class Kept(NamedTuple):
    """What a chunk of samples left behind.

    Arguments:
        layer, step, neuron: recorded spikes, by sample, step and layer; neurons in the program's order.
        offsets: (samples + 1), where each sample's spikes begin.
        syn_ops: (samples, layers); sent: (samples, sources).
    """

    layer: Int32
    step: Int32
    neuron: Int32
    offsets: Int64
    syn_ops: Int64
    sent: Int64


@compiled
def _grown(array, size):  # type: ignore[no-untyped-def]
    larger = np.empty(size, array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def _count(program, state, step, syn_ops, sent):  # type: ignore[no-untyped-def]
    """Add this step's activity: every event of every source times the connections that it meets."""
    slot = step & (program.slots - 1)
    for source in range(len(program.source_n)):
        n_events = state.spike_count[source, slot]
        sent[source] += n_events
        if n_events == 0:
            continue
        at = program.source_at[source] + slot * program.source_n[source]
        for index in range(program.reader_first[source], program.reader_first[source] + program.reader_count[source]):
            op = program.readers[index]
            fan_at = program.op_fan_at[op]
            total = 0
            for event in state.spike_list[at : at + n_events]:
                total += program.fan_out[fan_at + event]
            syn_ops[program.op_layer[op]] += total


@compiled
def run_chunk(  # type: ignore[no-untyped-def]
    program: Program,
    state: State,
    step: Int32,
    neuron: Int32,
    value: Int32,
    offsets: Int64,
    n_steps,
    reset_interval,
    reset_offset,
    recorded,
    state_layers,
    currents,
    voltages,
):
    """Run samples one after the other, each from a clear state.

    Arguments:
        step, neuron, value, offsets: input events as in `Events` (value may be empty for binary input).
        recorded: for each layer, whether its spikes are kept.
        state_layers: for each layer, offset of its neurons in `currents` and `voltages`, or -1.
        currents, voltages: (samples, steps, neurons), written where asked for.
    """
    n_samples = len(offsets) - 1
    n_layers = len(program.layer_n)
    kept_layer, kept_step, kept_neuron = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024, np.int32)
    kept_offsets = np.zeros(n_samples + 1, np.int64)
    syn_ops = np.zeros((n_samples, n_layers), np.int64)
    sent = np.zeros((n_samples, n_layers + 1), np.int64)
    n_kept = 0
    for sample in range(n_samples):
        clear(state)
        first = offsets[sample]
        for now in range(n_steps):
            last = first
            while last < offsets[sample + 1] and step[last] == now:
                last += 1
            values = value[first:last] if program.graded_input else value[:0]
            advance(program, state, now, neuron[first:last], values, reset_interval, reset_offset)
            first = last
            _count(program, state, now, syn_ops[sample], sent[sample])
            slot = now & (program.slots - 1)
            for layer in range(n_layers):
                n_spikes = state.spike_count[layer + 1, slot]
                if recorded[layer] and n_spikes:
                    if n_kept + n_spikes > len(kept_step):
                        size = 2 * (n_kept + n_spikes)
                        kept_layer, kept_step = _grown(kept_layer, size), _grown(kept_step, size)
                        kept_neuron = _grown(kept_neuron, size)
                    at = program.source_at[layer + 1] + slot * program.source_n[layer + 1]
                    for index in range(n_spikes):
                        kept_layer[n_kept], kept_step[n_kept] = layer, now
                        kept_neuron[n_kept] = state.spike_list[at + index]
                        n_kept += 1
                if state_layers[layer] >= 0:
                    place, at, n = state_layers[layer], program.layer_at[layer], program.layer_n[layer]
                    currents[sample, now, place : place + n] = state.current[at : at + n]
                    voltages[sample, now, place : place + n] = state.voltage[at : at + n]
        kept_offsets[sample + 1] = n_kept
    return kept_layer[:n_kept], kept_step[:n_kept], kept_neuron[:n_kept], kept_offsets, syn_ops, sent
