"""A layer's way forward: all steps of some samples, and the same steps again on the way back."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.training.fused.kernels.arriving import add_real, gather
from lapilli.training.fused.kernels.limits import OUTSIDE
from lapilli.training.fused.kernels.neurons import integrate, keep, list_spikes, send
from lapilli.training.fused.kernels.rows import copy


@spliced
def _step(n, t, n_steps, n_spiking, modes, incoming, cells, u, v, room):
    """One step of a sample, whose states are u and v. Returns the bits of states, or OUTSIDE."""
    gather(n, t, n_steps, n_spiking, modes, incoming, cells.noise, room.spiking, room.arriving)
    if modes.numbers and not add_real(incoming.real[n - incoming.real_first, t], cells.scale, room.arriving):
        return np.int64(OUTSIDE)
    return np.int64(integrate(room.arriving, cells, u, v, room.before_reset))


@spliced
def _keep_border(border, t, u, v, before_reset):
    """Keep the states before step t: current, and voltage before its reset."""
    copy(u, border[0])
    copy(before_reset if t else v, border[1])


@compiled
def forward(first, last, modes, incoming, cells, current, voltage, kept, out, room):
    """All steps of samples `first` to `last`.

    Arguments:
        modes: `Modes`; incoming: `Incoming`; cells: `Cells`; kept: `Kept`, filled; room: `StepRoom`.
        current, voltage: states (samples, neurons); overwritten by those after the last step.
        out: (samples, steps, neurons), zeros where neurons have delays of their own.

    Returns:
        All bits that magnitudes of states had, or OUTSIDE.
    """
    n_steps = out.shape[1]
    seen = np.int64(0)
    for n in range(first, last):
        n_spiking = np.int64(0)
        u, v = current[n], voltage[n]
        if not modes.own_delays:
            for t in range(min(cells.uniform_shift, n_steps)):
                out[n, t, :] = 0
        for t in range(n_steps):
            if modes.chunks and t % kept.interval == 0:
                _keep_border(kept.borders[n, t // kept.interval], t, u, v, room.before_reset)
            bits = _step(n, t, n_steps, n_spiking, modes, incoming, cells, u, v, room)
            if bits < 0:
                return bits
            seen |= bits
            if modes.keeps_voltages:
                keep(room.before_reset, kept.voltages[n, t], kept.low_voltages[n, t])
            if modes.keeps_currents:
                keep(u, kept.currents[n, t], kept.low_currents[n, t])
            if modes.recurrent:
                n_spiking = list_spikes(room.before_reset, cells.threshold, room.spiking)
            send(n, t, modes, cells, room.before_reset, out)
    return seen


@spliced
def run_again(n, chunk, end, n_steps, modes, wanted, incoming, cells, kept, room, currents, voltages):
    """Bring back the states (steps, neurons) of the steps of a chunk, which ends before step `end`."""
    u, v = room.current, room.voltage
    copy(kept.borders[n, chunk, 0], u)
    copy(kept.borders[n, chunk, 1], v)
    n_spiking = np.int64(0)
    if chunk:
        if modes.recurrent:
            n_spiking = list_spikes(v, cells.threshold, room.spiking)
        for i in range(len(v)):
            v[i] = np.int32(0) if v[i] >= cells.threshold else v[i]
    begin = chunk * kept.interval
    for t in range(begin, end):
        _step(n, t, n_steps, n_spiking, modes, incoming, cells, u, v, room)
        copy(room.before_reset, voltages[t - begin])
        if wanted.decays:
            copy(u, currents[t - begin])
        if modes.recurrent:
            n_spiking = list_spikes(room.before_reset, cells.threshold, room.spiking)
