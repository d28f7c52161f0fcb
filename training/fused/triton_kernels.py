"""The dynamics of a layer on a GPU, in Triton: one pass over the steps for current, voltage, spike and reset, one back.

Arithmetic is that of `training.fused.kernels`, in 32 bits, and so are the limits: the forward pass reports the
magnitudes that it saw, and beyond 24 bits its results must be thrown away. A lane is one neuron of one sample; states
stay in registers from step to step. Tensors have any strides, so that nothing is copied. Every pass starts from states
in memory and leaves them there, so that a pass of one step is a step of a recurrent layer.
"""

import triton
import triton.language as tl


@triton.jit
def _decayed(state, keep):
    magnitude = tl.abs(state)
    kept = (magnitude >> 12) * keep + (((magnitude & 4095) * keep) >> 12)
    return tl.where(state < 0, 0 - kept, kept)


@triton.jit
def _magnitude_bits(state):
    return state ^ (state >> 31)


@triton.jit
def forward(
    real, out, voltages, currents, keep_current, keep_voltage, current, voltage, seen, n_lanes, n_neurons, n_steps,
    real_by_sample, real_by_neuron, real_by_step, by_sample, by_neuron, by_step, scale, limit, threshold,
    spiking: tl.constexpr, shifted: tl.constexpr, keeps_voltages: tl.constexpr, keeps_currents: tl.constexpr,
    block: tl.constexpr,
):  # fmt: skip
    """All steps of `block` lanes.

    Arguments:
        real: what arrives, in SLAYER's unit, (samples, neurons, steps) with strides `real_by_...`.
        out, voltages, currents: (samples, neurons, steps) with strides `by_...`; voltages and currents, int32 before
            the reset, are written where they are kept.
        keep_current, keep_voltage: 4096 less the decay, int32 (neurons).
        current, voltage: states in units, int32 (samples, neurons); overwritten by those after the last step.
        seen: bits that magnitudes had, int32 (samples, neurons); added to, by 2^30 where a number is out of range.
        n_lanes: samples times neurons.
        scale: units of fixed point in SLAYER's unit; limit: of what arrives, in units.
        threshold: in units.
        spiking: whether neurons spike; else the output is the voltage, which is never reset.
        shifted: whether the output is late by a step.
    """
    lane = tl.program_id(0) * block + tl.arange(0, block)
    exists = lane < n_lanes
    sample, neuron = (lane // n_neurons).to(tl.int64), (lane % n_neurons).to(tl.int64)
    start = sample * by_sample + neuron * by_neuron
    real += sample * real_by_sample + neuron * real_by_neuron
    out, voltages, currents = out + start, voltages + start, currents + start
    kept_current = tl.load(keep_current + neuron, mask=exists, other=0)
    kept_voltage = tl.load(keep_voltage + neuron, mask=exists, other=0)
    u = tl.load(current + lane, mask=exists, other=0)
    v = tl.load(voltage + lane, mask=exists, other=0)
    bits = tl.load(seen + lane, mask=exists, other=0) | _magnitude_bits(u) | _magnitude_bits(v)
    valid = (kept_current >= 0) & (kept_current <= 4096) & (kept_voltage >= 0) & (kept_voltage <= 4096)
    bits |= tl.where(valid, 0, 1 << 30)
    late = tl.full([block], 0.0, tl.float32)
    for _ in range(n_steps):
        units = tl.load(real, mask=exists, other=0.0) * scale
        inside = tl.abs(units) < limit
        bits |= tl.where(inside, 0, 1 << 30)
        u = _decayed(u, kept_current) + tl.where(inside, units, 0.0).to(tl.int32)
        v = _decayed(v, kept_voltage) + u
        bits |= _magnitude_bits(u) | _magnitude_bits(v)
        if keeps_currents:
            tl.store(currents, u, mask=exists)
        if keeps_voltages:
            tl.store(voltages, v, mask=exists)
        if spiking:
            sent = tl.where(v >= threshold, 1.0, 0.0)
            v = tl.where(v >= threshold, 0, v)
        else:
            sent = v.to(tl.float32) / scale
        if shifted:
            tl.store(out, late, mask=exists)
            late = sent
        else:
            tl.store(out, sent, mask=exists)
        real += real_by_step
        out += by_step
        voltages += by_step
        currents += by_step
    tl.store(current + lane, u, mask=exists)
    tl.store(voltage + lane, v, mask=exists)
    tl.store(seen + lane, bits, mask=exists)


@triton.jit
def backward(
    out_gradient, gradients, voltages, currents, keep_current, keep_voltage, through_current, through_voltage,
    current_decay_gradient, voltage_decay_gradient, n_lanes, n_neurons, n_steps,
    out_by_sample, out_by_neuron, out_by_step, by_sample, by_neuron, by_step, unit, share, threshold, tau, peak,
    spiking: tl.constexpr, shifted: tl.constexpr, decays_learn: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """All steps of `block` lanes, from the last to the first, with SLAYER's surrogate of a spike's derivative.

    Arguments, where not as in `forward`:
        out_gradient: of the output, with strides `out_by_...`; gradients: of what arrives; voltages, currents: as the
            forward pass kept them. All four are given by their last step.
        through_current, through_voltage: gradients of the states, (samples, neurons), carried from step to step.
        current_decay_gradient, voltage_decay_gradient: of the decays, as SLAYER defines them, float64
            (samples, neurons); added to.
        unit: of voltages and currents, in SLAYER's.
        share: 1 / 4096; 0: no gradient passes from step to step through the states.
        threshold, tau, peak: of the surrogate `peak * exp(-|voltage - threshold| / tau)`, in SLAYER's unit.
    """
    lane = tl.program_id(0) * block + tl.arange(0, block)
    exists = lane < n_lanes
    sample, neuron = (lane // n_neurons).to(tl.int64), (lane % n_neurons).to(tl.int64)
    start = sample * by_sample + neuron * by_neuron
    out_gradient += sample * out_by_sample + neuron * out_by_neuron
    gradients, voltages, currents = gradients + start, voltages + start, currents + start
    kept_current = tl.load(keep_current + neuron, mask=exists, other=0).to(tl.float32) * share
    kept_voltage = tl.load(keep_voltage + neuron, mask=exists, other=0).to(tl.float32) * share
    of_current = tl.load(through_current + lane, mask=exists, other=0.0)
    of_voltage = tl.load(through_voltage + lane, mask=exists, other=0.0)
    of_current_decay = tl.full([block], 0.0, tl.float64)
    of_voltage_decay = tl.full([block], 0.0, tl.float64)
    late = tl.full([block], 0.0, tl.float32)
    for _ in range(n_steps):
        arriving = tl.load(out_gradient, mask=exists, other=0.0)
        of_sent = late if shifted else arriving
        late = arriving
        if spiking:
            distance = tl.abs(tl.load(voltages, mask=exists, other=0).to(tl.float32) * unit - threshold)
            of_sent *= peak * tl.exp(0.0 - distance / tau)
        if decays_learn:
            u = tl.load(currents, mask=exists, other=0).to(tl.float32) * unit
            v = tl.load(voltages, mask=exists, other=0).to(tl.float32) * unit
            of_current_decay += (of_current * u).to(tl.float64)
            of_voltage_decay += (of_voltage * v).to(tl.float64)
        of_voltage = kept_voltage * of_voltage + of_sent
        of_current = kept_current * of_current + of_voltage
        tl.store(gradients, of_current, mask=exists)
        out_gradient -= out_by_step
        gradients -= by_step
        voltages -= by_step
        currents -= by_step
    tl.store(through_current + lane, of_current, mask=exists)
    tl.store(through_voltage + lane, of_voltage, mask=exists)
    if decays_learn:
        of_current_decay += tl.load(current_decay_gradient + lane, mask=exists, other=0.0)
        of_voltage_decay += tl.load(voltage_decay_gradient + lane, mask=exists, other=0.0)
        tl.store(current_decay_gradient + lane, of_current_decay, mask=exists)
        tl.store(voltage_decay_gradient + lane, of_voltage_decay, mask=exists)
