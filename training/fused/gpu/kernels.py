"""The steps of neurons on a GPU, and back, compiled by Triton: no nvcc is needed.

A lane is one neuron of one sample; a program has LANES of them and goes through the steps. Arrays hold (samples, steps,
neurons), so that neighbouring lanes read neighbouring numbers; lanes count through (samples, neurons). The arithmetic
is that of `training/fused/kernels/`: 32-bit integers, from which SLAYER's single precision does not differ as long as
no state reaches 2^24 units. Pointers of what does not happen are never read: the flags at the end say what happens.

Triton takes flat arguments; `launches.py` has the groups that they come in. Each kernel is one long function, so that
its states stay in registers.
"""

import triton
import triton.language as tl

MAGNITUDE_BITS = 24
"""States of fewer bits are exact in SLAYER's single precision."""

LANES = 128
"""Lanes of a program: one for each thread of four warps."""


@triton.jit
def _decayed(state, keep):
    """`state * keep / 4096`, towards 0, in halves so that no product leaves 32 bits."""
    magnitude = tl.where(state < 0, 0 - state, state)
    kept = (magnitude >> 12) * keep + (((magnitude & 4095) * keep) >> 12)
    return tl.where(state < 0, 0 - kept, kept)


@triton.jit
def _bits(state):
    """All bits that the magnitude of a state has."""
    return state ^ (state >> 31)


@triton.jit(do_not_specialize=["first", "last"])
def forward(
    real, caused, keep_current, keep_voltage, bias, current, voltage, noise, shifts,
    currents, voltages, out, sent, seen,
    n_lanes, n_neurons, n_steps, draws, noise_step, first, last, threshold, scale, unit,
    recurrent: tl.constexpr, noisy: tl.constexpr, spiking: tl.constexpr,
    keeps_voltages: tl.constexpr, keeps_currents: tl.constexpr, lanes: tl.constexpr,
):  # fmt: skip
    """Steps `first` to `last` of a layer.

    Arguments:
        real: what arrives, in SLAYER's unit, (samples, steps, neurons).
        caused: what arrives in the one step from the recurrent synapse, (samples, neurons).
        keep_current, keep_voltage: 4096 less the decay, int32 (neurons); negative where that is out of its range.
        bias: added to the voltages in each step, in units, int32 (neurons).
        current, voltage: states in units, int32 (samples, neurons); overwritten by those after the last step.
        noise: factors of dropout, (samples, draws, neurons); step t has the draw t * noise_step.
        shifts: steps by which the output of each neuron is late, int32.
        currents, voltages: kept for the way back, int32 (samples, steps, neurons), before the reset.
        out: (samples, steps, neurons), zeros where neurons are late.
        sent: spikes of the one step, (samples, neurons), for the recurrent synapse.
        seen: all bits that magnitudes had, int32 (samples, neurons), more than 24 where the result is not SLAYER's.
        threshold: in units; scale: units in SLAYER's unit; unit: the inverse.
    """
    lane = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = lane < n_lanes
    sample = lane // n_neurons
    neuron = lane % n_neurons
    place = sample * n_steps * n_neurons + neuron
    noise_place = sample * draws * n_neurons + neuron
    kept_u = tl.load(keep_current + neuron, mask=here, other=0)
    kept_v = tl.load(keep_voltage + neuron, mask=here, other=0)
    added = tl.load(bias + neuron, mask=here, other=0)
    u = tl.load(current + lane, mask=here, other=0)
    v = tl.load(voltage + lane, mask=here, other=0)
    shift = tl.load(shifts + neuron, mask=here, other=0)
    bits = tl.load(seen + lane, mask=here, other=0) | _bits(u) | _bits(v)
    bits = bits | tl.where((kept_u | kept_v) < 0, 1 << 30, 0)
    for t in range(first, last):
        at = place + t * n_neurons
        arriving = tl.load(real + at, mask=here, other=0.0)
        if recurrent:
            arriving = arriving + tl.load(caused + lane, mask=here, other=0.0)
        units = arriving * scale
        # What is no number is not inside either.
        inside = (units < 16777216.0) & (units > -16777216.0)
        u = _decayed(u, kept_u) + tl.where(inside, units, 0.0).to(tl.int32)
        shifted = u + added
        v = _decayed(v, kept_v) + shifted
        bits = bits | _bits(u) | _bits(shifted) | _bits(v) | tl.where(inside, 0, 1 << 30)
        if keeps_voltages:
            tl.store(voltages + at, v, mask=here)
        if keeps_currents:
            tl.store(currents + at, u, mask=here)
        if spiking:
            spikes = v >= threshold
            value = tl.where(spikes, 1.0, 0.0)
            if noisy:
                value = value * tl.load(noise + noise_place + t * noise_step * n_neurons, mask=here, other=0.0)
            if recurrent:
                tl.store(sent + lane, value, mask=here)
            late = shift + t
            tl.store(out + place + late * n_neurons, value, mask=here & (late < n_steps))
            v = tl.where(spikes, 0, v)
        else:
            tl.store(out + at, v.to(tl.float32) * unit, mask=here)
    tl.store(current + lane, u, mask=here)
    tl.store(voltage + lane, v, mask=here)
    tl.store(seen + lane, bits, mask=here)


@triton.jit(do_not_specialize=["first", "last"])
def backward(
    out_gradient, caused, noise, shifts, voltages, currents, keep_current, keep_voltage,
    through_current, through_voltage, gradients, current_decay_gradient, voltage_decay_gradient, bias_gradient,
    n_lanes, n_neurons, n_steps, draws, noise_step, first, last, unit, threshold, tau, peak,
    recurrent: tl.constexpr, noisy: tl.constexpr, spiking: tl.constexpr, decays: tl.constexpr, biased: tl.constexpr,
    lanes: tl.constexpr,
):  # fmt: skip
    """Steps `last - 1` down to `first` of a layer.

    Arguments, where not as in `forward`:
        out_gradient: of the output, (samples, steps, neurons).
        caused: gradient of what neurons send in the one step, from what it causes in the next, (samples, neurons).
        keep_current, keep_voltage: share of the state that a step keeps, single precision.
        through_current, through_voltage: gradients that come from the step after `last - 1`, (samples, neurons);
            overwritten by those of step `first`.
        gradients: of what arrives, (samples, steps, neurons).
        current_decay_gradient, voltage_decay_gradient, bias_gradient: double precision, (samples, neurons); added to.
        threshold, tau, peak: of the surrogate `peak * exp(-|voltage - threshold| / tau)`, in SLAYER's unit.
    """
    lane = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = lane < n_lanes
    sample = lane // n_neurons
    neuron = lane % n_neurons
    place = sample * n_steps * n_neurons + neuron
    noise_place = sample * draws * n_neurons + neuron
    kept_u = tl.load(keep_current + neuron, mask=here, other=0.0)
    kept_v = tl.load(keep_voltage + neuron, mask=here, other=0.0)
    du = tl.load(through_current + lane, mask=here, other=0.0)
    dv = tl.load(through_voltage + lane, mask=here, other=0.0)
    shift = tl.load(shifts + neuron, mask=here, other=0)
    if decays:
        sum_u = tl.load(current_decay_gradient + lane, mask=here, other=0.0)
        sum_v = tl.load(voltage_decay_gradient + lane, mask=here, other=0.0)
    if biased:
        sum_b = tl.load(bias_gradient + lane, mask=here, other=0.0)
    for step in range(first, last):
        t = first + last - 1 - step
        at = place + t * n_neurons
        late = shift + t
        row = tl.load(out_gradient + place + late * n_neurons, mask=here & (late < n_steps), other=0.0)
        if recurrent:
            row = row + tl.load(caused + lane, mask=here, other=0.0)
        if noisy:
            row = row * tl.load(noise + noise_place + t * noise_step * n_neurons, mask=here, other=0.0)
        if spiking:
            distance = tl.load(voltages + at, mask=here, other=0).to(tl.float32) * unit - threshold
            row = row * (peak * tl.exp(tl.where(distance < 0, distance, 0.0 - distance) / tau))
        if decays:
            u = tl.load(currents + at, mask=here, other=0).to(tl.float32) * unit
            v = tl.load(voltages + at, mask=here, other=0).to(tl.float32) * unit
            sum_u = sum_u + (du * u).to(tl.float64)
            sum_v = sum_v + (dv * v).to(tl.float64)
        dv = kept_v * dv + row
        du = kept_u * du + dv
        if biased:
            sum_b = sum_b + dv.to(tl.float64)
        tl.store(gradients + at, du, mask=here)
    tl.store(through_current + lane, du, mask=here)
    tl.store(through_voltage + lane, dv, mask=here)
    if decays:
        tl.store(current_decay_gradient + lane, sum_u, mask=here)
        tl.store(voltage_decay_gradient + lane, sum_v, mask=here)
    if biased:
        tl.store(bias_gradient + lane, sum_b, mask=here)
