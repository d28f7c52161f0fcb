"""Neurons with tau 2 that are reset to 0, and dropout, in Triton: as `kernels/lif.py` and `kernels/rows.py`.

A lane is one channel of one sample; a program has `lanes` of them and goes through the steps. Arrays hold (samples,
steps, channels). Pointers of what does not happen are never read: the flags at the end say what happens.
"""

import triton
import triton.language as tl

LANES = 128
"""Lanes of a program: one for each thread of four warps."""


@triton.jit
def _factor_of(place, seed, cut, factor):
    """Of dropout, by the hash of `kernels.rows.kept`, in signed numbers; both sides of the comparison are less 2^31."""
    x = (place.to(tl.int32) * -1640531535) ^ seed
    x = (x ^ ((x >> 16) & 65535)) * -2048144789
    x = (x ^ ((x >> 13) & 524287)) * -1028477387
    x = (x ^ ((x >> 16) & 65535)) ^ -2147483648
    return tl.where(x >= cut, factor, 0.0)


@triton.jit(do_not_specialize=["seed", "cut"])
def dropped(values, out, number, seed, cut, factor, lanes: tl.constexpr):
    """Dropout of so many numbers, each with its place as its own."""
    place = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = place < number
    value = tl.load(values + place, mask=here, other=0.0)
    tl.store(out + place, value * _factor_of(place, seed, cut, factor), mask=here)


@triton.jit(do_not_specialize=["seed", "cut"])
def float_lif(
    values, scale, shift, gate, volts, out, n_lanes, width, n_steps, seed, cut, factor,
    gated: tl.constexpr, drops: tl.constexpr, lanes: tl.constexpr,
):  # fmt: skip
    """Neurons of threshold 1 that read `values * scale + shift`; arguments as of `kernels.lif.float_lif`."""
    lane = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = lane < n_lanes
    channel = lane % width
    place = (lane // width) * n_steps * width + channel
    times = tl.load(scale + channel, mask=here, other=0.0)
    added = tl.load(shift + channel, mask=here, other=0.0)
    state = tl.full([lanes], 0, tl.float32)
    for t in range(0, n_steps):
        at = place + t * width
        drive = tl.load(values + at, mask=here, other=0.0) * times + added
        if gated:
            drive = tl.where(tl.load(gate + at, mask=here, other=0.0) > 0, drive, 0.0)
        now = state * 0.5 + drive
        fires = now > 1.0
        sent = tl.where(fires, 1.0, 0.0)
        if drops:
            sent = sent * _factor_of(at, seed, cut, factor)
        tl.store(volts + at, now, mask=here)
        tl.store(out + at, sent, mask=here)
        state = tl.where(fires, 0.0, now)


@triton.jit(do_not_specialize=["seed", "cut"])
def integer_lif(
    values, bias, threshold, unit, gate, volts, out, n_lanes, width, n_steps, exponent, at_once, seed, cut, factor,
    gated: tl.constexpr, drops: tl.constexpr, lanes: tl.constexpr,
):  # fmt: skip
    """Neurons on integers; arguments as of `kernels.lif.integer_lif`."""
    lane = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = lane < n_lanes
    channel = lane % width
    place = (lane // width) * n_steps * width + channel
    added = tl.load(bias + channel, mask=here, other=0.0)
    level = tl.load(threshold + channel, mask=here, other=1.0).to(tl.int32) << 6
    in_thresholds = tl.load(unit + channel, mask=here, other=0.0)
    state = tl.full([lanes], 0, tl.int32)
    for t in range(0, n_steps):
        at = place + t * width
        value = tl.load(values + at, mask=here, other=0.0)
        # Numbers below 2^22 are rounded to whole ones by what is added to them.
        drive = ((value + 12582912.0) - 12582912.0) + added
        if gated:
            drive = tl.where(tl.load(gate + at, mask=here, other=0.0) > 0, drive, 0.0)
        current = drive.to(tl.int32) << exponent
        current = tl.where(current > 8388608, current - 16777216, current)
        current = tl.where(current <= -8388608, current + 16777216, current)
        half = tl.where(state < 0, 0 - ((0 - state) >> 1), state >> 1)
        now = half + current
        now = tl.where(now > 8388607, 8388607, now)
        now = tl.where(now < -8388607, -8388607, now)
        fires = now > level - at_once
        sent = tl.where(fires, 1.0, 0.0)
        if drops:
            sent = sent * _factor_of(at, seed, cut, factor)
        tl.store(volts + at, now.to(tl.float32) * in_thresholds, mask=here)
        tl.store(out + at, sent, mask=here)
        state = tl.where(fires, 0, now)


@triton.jit(do_not_specialize=["seed", "cut"])
def lif_back(
    gradient, volts, found, n_lanes, width, n_steps, edge, steepness, peak, seed, cut, factor,
    exponential: tl.constexpr, drops: tl.constexpr, lanes: tl.constexpr,
):  # fmt: skip
    """From the gradient of what is sent to that of what drives; arguments as of `kernels.lif.lif_back`."""
    lane = tl.program_id(0).to(tl.int64) * lanes + tl.arange(0, lanes)
    here = lane < n_lanes
    place = (lane // width) * n_steps * width + lane % width
    state = tl.full([lanes], 0, tl.float32)
    for step in range(0, n_steps):
        at = place + (n_steps - 1 - step) * width
        row = tl.load(gradient + at, mask=here, other=0.0)
        if drops:
            row = row * _factor_of(at, seed, cut, factor)
        volt = tl.load(volts + at, mask=here, other=0.0)
        distance = (volt - 1.0) * steepness
        if exponential:
            distance = tl.where(distance < 0, distance, 0.0 - distance)
            # A power of two, by the natural logarithm of 2.
            row = row * (peak * tl.exp(distance * 0.6931471805599453))
        else:
            row = row * (peak / (1.0 + distance * distance))
        state = row + tl.where(volt > edge, 0.0, state * 0.5)
        tl.store(found + at, state, mask=here)
