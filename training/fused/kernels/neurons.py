"""One step of a sample's neurons: states, spikes, what is sent and when, and how states are kept."""

import numpy as np

from lapilli.simulators.compiled import spliced
from lapilli.training.fused.kernels.flags import lowest_bit, spike_bits


@spliced
def _decayed(state, keep):
    magnitude = np.uint32(np.int32(-state) if state < 0 else state)
    high = np.uint32(np.uint32(magnitude >> np.uint32(12)) * keep)
    low = np.uint32(np.uint32(np.uint32(magnitude & np.uint32(4095)) * keep) >> np.uint32(12))
    kept = np.int32(np.uint32(high + low))
    return np.int32(-kept) if state < 0 else kept


@spliced
def integrate(arriving, cells, current, voltage, before_reset):
    """One step of a sample's neurons. Returns the bits that any current or voltage had."""
    seen = np.int32(0)
    for i in range(len(current)):
        u = np.int32(_decayed(current[i], cells.keep_current[i]) + arriving[i])
        shifted = np.int32(u + cells.bias[i])
        v = np.int32(_decayed(voltage[i], cells.keep_voltage[i]) + shifted)
        seen |= np.int32(u ^ np.int32(u >> np.int32(31)))
        seen |= np.int32(shifted ^ np.int32(shifted >> np.int32(31)))
        seen |= np.int32(v ^ np.int32(v >> np.int32(31)))
        current[i] = u
        before_reset[i] = v
        voltage[i] = np.int32(0) if v >= cells.threshold else v
    return seen


@spliced
def spikes_of(voltages, at, threshold):
    """Bits of the up to 64 neurons from `at` on that spike."""
    if at + 64 <= len(voltages):
        return spike_bits(voltages, at, np.int32(threshold))
    bits = np.uint64(0)
    for i in range(at, len(voltages)):
        bits |= np.uint64(voltages[i] >= threshold) << np.uint64(i - at)
    return bits


@spliced
def list_spikes(voltages, threshold, spiking):
    """Write the neurons that spike into `spiking`. Returns their number."""
    number, at = np.int64(0), np.int64(0)
    while at < len(voltages):
        bits = spikes_of(voltages, at, threshold)
        while bits:
            spiking[number] = np.int32(at + lowest_bit(bits))
            bits &= bits - np.uint64(1)
            number += 1
        at += 64
    return number


@spliced
def send(n, t, modes, cells, before_reset, out):
    """Write the spikes of a step, or the voltages of neurons that never spike, to when they are sent."""
    n_steps, noise = out.shape[1], cells.noise
    if not modes.spiking:
        for i in range(len(before_reset)):
            out[n, t, i] = np.float32(before_reset[i]) / cells.scale
    elif modes.own_delays:
        for i in range(len(before_reset)):
            if before_reset[i] >= cells.threshold and t + cells.shifts[i] < n_steps:
                out[n, t + cells.shifts[i], i] = noise[n, t % noise.shape[1], i] if modes.dropout else np.float32(1)
    elif t + cells.uniform_shift < n_steps:
        late = out[n, t + cells.uniform_shift]
        for i in range(len(late)):
            late[i] = np.float32(1) if before_reset[i] >= cells.threshold else np.float32(0)
        if modes.dropout:
            factors = noise[n, t % noise.shape[1]]
            for i in range(len(late)):
                late[i] *= factors[i]


@spliced
def keep(states, upper, lower):
    """Keep states in three bytes each: `upper`, int16, and `lower`, uint8."""
    for i in range(len(states)):
        upper[i] = np.int16(states[i] >> np.int32(8))
        lower[i] = np.uint8(states[i] & np.int32(255))


@spliced
def bring_back(upper, lower, states):
    """The way back of `keep`."""
    for i in range(len(states)):
        states[i] = np.int32(np.int32(np.int32(upper[i]) << np.int32(8)) | np.int32(lower[i]))
