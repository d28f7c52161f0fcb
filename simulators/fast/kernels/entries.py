"""The functions that Python calls: samples one after the other, or one step of a stream."""

from lapilli.simulators.by_reference import by_reference
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.kernels.calling import call_advance
from lapilli.simulators.fast.kernels.counting import count_input, count_layers, count_named, count_step, tally_step
from lapilli.simulators.fast.kernels.keeping import keep_step
from lapilli.simulators.fast.kernels.step import clear


@compiled
def run_until_full(
    program,
    state,
    calls,
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
    program, state, calls = by_reference(program), by_reference(state), by_reference(calls)
    kept = by_reference(kept)
    sample, now, event, n_kept = cursor[0], cursor[1], cursor[2], cursor[3]
    while sample < len(offsets) - 1:
        if now == 0:
            clear(program, state)
            event = offsets[sample]
        while now < n_steps and len(kept.step) - n_kept >= room:
            last = event
            while last < offsets[sample + 1] and step[last] == now:
                last += 1
            call_advance(calls.advance, program, state, calls, now, neuron, value, event, last, interval, offset)
            event = last
            if len(kept.tally):
                tally_step(program, state, now, kept.tally, kept.payload_bits, sample)
            n_kept = keep_step(program, state, now, sample, keeps_spikes, state_at, kept, n_kept)
            now += 1
        if now < n_steps:
            break
        # Here and not at the sample's first step, which is come to twice where the buffer was full before it.
        if len(kept.tally):
            count_input(program, neuron, value, offsets[sample], offsets[sample + 1], kept, sample)
            count_layers(program, kept, sample)
            count_named(state, kept.counted[sample])
        sample, now = sample + 1, 0
        kept.offsets[sample] = n_kept
    cursor[0], cursor[1], cursor[2], cursor[3] = sample, now, event, n_kept


@compiled
def advance_and_count(program, state, calls, step, neuron, value, totals):
    """One step of a stream: `advance` on all of `neuron`, then counting into `totals`."""
    program, state, calls = by_reference(program), by_reference(state), by_reference(calls)
    totals = by_reference(totals)
    call_advance(calls.advance, program, state, calls, step, neuron, value, 0, len(neuron), 0, 0)
    count_step(program, state, step, totals)
