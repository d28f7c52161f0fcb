"""SLAYER's Pool as the grouped convolution with constant weights that it is, its odd padding included."""

from typing import Any

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.slayer.parts import Reading
from lapilli.netx_exports.synapses.kinds import ConvSynapse, Shape

MAX_GROUPS = 127


def pool_convolution(
    reading: Reading, synapse: Any, weights: IntArray, source: str, source_shape: Shape, delays: IntArray | None
) -> ConvSynapse | None:
    """Convolution that gives what the pool synapse gives on (C, H, W) sources; None with the reason if there is none.

    SLAYER appends `size % kernel` rows and columns of zeros, and stacks the channels in one image: windows that cross
    from one channel into the next have no meaning and are refused.

    Arguments:
        reading: where problems go.
        synapse: SLAYER's pool synapse.
        weights: its integer weights, (1, 1, height, width).
        source, source_shape: what it reads.
        delays: of each channel.
    """
    kernel = weights.shape[2:]
    stride, padding, dilation = (
        (int(sizes[0]), int(sizes[1])) for sizes in (synapse.stride, synapse.padding, synapse.dilation)
    )
    extra = tuple(size % taps for size, taps in zip(source_shape[1:], kernel))
    window = dilation[0] * (kernel[0] - 1) + 1
    if padding[0] or window > stride[0] or (source_shape[1] + extra[0]) % stride[0]:
        reading.problem(
            f"kernel {kernel}, stride {stride}, padding {padding} on {source_shape}: windows cross from one channel "
            "into the next"
        )
        return None
    if any(zeros and step > 1 for zeros, step in zip(extra, dilation)):
        reading.problem(f"dilation {dilation} on {source_shape}: needs sizes that kernel {kernel} divides")
        return None
    # Zeros behind the image only: padding on both sides, and leading zeros in the kernel that undo it in front.
    padded = np.pad(weights[0, 0], [(zeros, 0) for zeros in extra])
    channels = source_shape[0]
    groups = max(n for n in range(1, MAX_GROUPS + 1) if channels % n == 0)
    per_group = channels // groups
    own_channel = np.tile(np.eye(per_group, dtype=weights.dtype), (groups, 1))
    return ConvSynapse(
        source,
        own_channel[:, :, None, None] * padded,
        stride=stride,
        padding=(padding[0] + extra[0], padding[1] + extra[1]),
        dilation=dilation,
        groups=groups,
        delays=delays,
    )
