"""`run_fast`: splits samples into chunks, runs them on threads, puts the results together in order."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer, Network
from lapilli.simulators.counting import counts_of, join_counts
from lapilli.simulators.events import Events
from lapilli.simulators.fast.kept import lowered as lowered_once
from lapilli.simulators.fast.program import Lowered, state_bytes
from lapilli.simulators.fast.runner import Kept, run_chunk
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import Counts, Recording, RunResult

_CHUNKS_PER_THREAD = 8
_MAX_CHUNK = 64


def run_fast(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Run every sample of `events` from empty state for `plan.n_steps` steps, `plan.threads` samples at a time.

    Raises:
        LapilliError: when the network's state does not fit the memory.
    """
    lowered = lowered_once(network)
    _check_memory(lowered, plan)
    inputs = events.with_steps(plan.n_steps)
    size = max(1, min(_MAX_CHUNK, -(-len(inputs) // (plan.threads * _CHUNKS_PER_THREAD))))
    chunks = [inputs.select(slice(first, first + size)) for first in range(0, len(inputs), size)] or [inputs]
    keeps_spikes = np.array([_keeps_spikes(network, layer, plan) for layer in network.layers])
    state_at = _places_of_states(network, plan)

    def work(chunk: Events) -> Kept:
        kept = run_chunk(lowered, chunk, plan, keeps_spikes, state_at)
        plan.progress(len(chunk))
        return kept

    # Loads the compiled kernels, or compiles them, outside of what is timed.
    run_chunk(lowered, inputs.select([]), plan, keeps_spikes, state_at)
    started = time.perf_counter()
    if plan.threads == 1 or len(chunks) == 1:
        # Starting a thread takes longer than a sample.
        kept = [work(chunk) for chunk in chunks]
    else:
        with ThreadPoolExecutor(plan.threads) as pool:
            kept = list(pool.map(work, chunks))
    seconds = time.perf_counter() - started
    spikes = {
        layer.name: replace(_layer_events(layer, number, lowered, kept, plan.n_steps), labels=events.labels)
        for number, layer in enumerate(network.layers)
        if keeps_spikes[number]
    }
    recordings = {
        layer.name: _recording(layer, lowered.to_c_order[number], state_at[number], kept, spikes, plan)
        for number, layer in enumerate(network.layers)
        if layer.name in plan.record
    }
    return RunResult(
        "fast", spikes[network.output.name], counts_of_kept(network, lowered, kept, plan.n_steps), recordings, seconds
    )


def _keeps_spikes(network: Network, layer: Layer, plan: RunPlan) -> bool:
    return layer is network.output or "spikes" in plan.record.get(layer.name, ())


def _check_memory(lowered: Lowered, plan: RunPlan) -> None:
    needed = state_bytes(lowered.program) * plan.threads
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > present:
        raise LapilliError(
            f"{plan.threads} samples at a time need {needed >> 20} MiB of state, this machine has {present >> 20} MiB; "
            "use fewer threads"
        )


def _places_of_states(network: Network, plan: RunPlan) -> npt.NDArray[np.int64]:
    """Where each state of each layer's neurons begins in what is recorded, (layers, states); -1: not recorded."""
    most = max(2, *(len(layer.neuron.states) for layer in network.layers))
    places, total = np.full((len(network.layers), most), -1, np.int64), 0
    for number, layer in enumerate(network.layers):
        for row, name in enumerate(layer.neuron.states):
            if name in plan.record.get(layer.name, ()):
                places[number, row], total = total, total + layer.size
    return places


def _layer_events(layer: Layer, number: int, lowered: Lowered, kept: Sequence[Kept], n_steps: int) -> Events:
    steps, neurons, values = ([np.zeros(0, np.int32)] for _ in range(3))
    counts = [np.zeros(0, np.int64)]
    order = lowered.to_c_order[number]
    natural = bool(np.all(order[:-1] < order[1:]))
    for part in kept:
        mine = part.layer == number
        sample = np.repeat(np.arange(len(part.offsets) - 1), np.diff(part.offsets))[mine]
        step, neuron, value = part.step[mine], order[part.neuron[mine]].astype(np.int32), part.value[mine]
        if not natural:
            sorting = np.lexsort((neuron, step, sample))
            step, neuron, value = step[sorting], neuron[sorting], value[sorting]
        steps.append(step)
        neurons.append(neuron)
        values.append(value)
        counts.append(np.bincount(sample, minlength=len(part.offsets) - 1))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))]).astype(np.int64)
    value = np.concatenate(values) if layer.neuron.graded else None
    return Events(np.concatenate(steps), np.concatenate(neurons), offsets, n_steps, layer.shape, value=value)


def _recording(
    layer: Layer,
    order: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    kept: Sequence[Kept],
    spikes: dict[str, Events],
    plan: RunPlan,
) -> Recording:
    kinds = plan.record[layer.name]
    back = np.argsort(order)
    arrays: dict[str, npt.NDArray[np.int32]] = {}
    for kind, place in zip(layer.neuron.states, places):
        if kind not in kinds:
            continue
        parts = [np.zeros((0, plan.n_steps, layer.size), np.int32)]
        parts += [part.states[:, :, place : place + layer.size][..., back] for part in kept]
        dense = np.concatenate(parts).transpose(0, 2, 1)
        arrays[kind] = np.ascontiguousarray(dense).reshape(-1, *layer.shape, plan.n_steps)
    return Recording(spikes[layer.name] if "spikes" in kinds else None, **arrays)


def counts_of_kept(network: Network, lowered: Lowered, kept: Sequence[Kept], n_steps: int) -> Counts:
    """Counts of all chunks of a run."""
    parts = [
        counts_of(
            network,
            n_steps,
            sent=part.sent,
            payload_bits=part.payload_bits,
            synapse_ops=part.synapse_ops,
            neuron_events=neuron_events(lowered, part.input_events, part.layer_events),
            named=named_counts(network, part.counted),
        )
        for part in kept
    ]
    return join_counts(parts)


def named_counts(network: Network, counted: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
    """What kinds count by themselves, (samples, layers) by name, from (samples, counters of all layers)."""
    named = {name: np.zeros((len(counted), len(network.layers)), np.int64) for name in network.counters}
    parts = ((number, part) for number, layer in enumerate(network.layers) for part in (layer.neuron, *layer.synapses))
    places = [(number, name) for number, part in parts for name in part.counters]
    for place, (number, name) in enumerate(places):
        named[name][:, number] += counted[:, place]
    return named


def neuron_events(
    lowered: Lowered, input_events: npt.NDArray[np.int64], layer_events: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], ...]:
    """Events of each neuron of the input and of each layer, in C order, from what the kernels count."""
    found = [input_events]
    for layer, order in zip(lowered.program.layers, lowered.to_c_order):
        of_layer = np.empty(len(order), np.int64)
        of_layer[order] = layer_events[layer["at"] : layer["at"] + layer["n"]]
        found.append(of_layer)
    return tuple(found)
