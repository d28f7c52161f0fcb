"""Two-dimensional convolutions. Source: `lava.proc.conv` of lava-nc 0.10.0, tag `fixed_pt`."""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.neurons.neuron import STATE_LIMIT
from lapilli.netx_exports.synapses.conv import ConvSynapse
from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway


class ConvPathway(Pathway):
    """The sum of each position, wrapped and then scaled, after the delay of its channel."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        synapse = self.synapse
        total = wrap24(convolve(synapse, sent.reshape(-1, *self.source_shape), self.shape))
        total = shift_sum(total, synapse.weight_exp).astype(np.int64)
        delays = np.zeros(1, int) if synapse.delays is None else np.asarray(synapse.delays)
        for delay in np.unique(delays):
            of_delay = total * (delays == delay).reshape(1, -1, 1, 1)
            yield int(delay), of_delay.reshape(len(sent), -1)


def convolve(synapse: ConvSynapse, maps: Int64, shape: tuple[int, ...]) -> Int64:
    """Cross-correlation of `maps` (samples, C, H, W) with the synapse's weights, to (samples, *shape)."""
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = synapse.padding, synapse.stride, synapse.dilation
    padded = np.pad(maps, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    grouped = padded.reshape(len(maps), synapse.groups, -1, *padded.shape[2:])
    weights = synapse.effective_weights.astype(np.int64)
    kernels = weights.reshape(synapse.groups, -1, *weights.shape[1:])
    height, width = shape[1:]
    total = np.zeros((len(maps), synapse.groups, kernels.shape[1], height, width), np.int64)
    for y, x in np.ndindex(weights.shape[2:]):
        rows = slice(y * gap_y, y * gap_y + step_y * (height - 1) + 1, step_y)
        columns = slice(x * gap_x, x * gap_x + step_x * (width - 1) + 1, step_x)
        total += np.einsum("ngiyx,goi->ngoyx", grouped[..., rows, columns], kernels[..., y, x])
    return total.reshape(len(maps), *shape)


def wrap24(total: Int64) -> Int64:
    """Lava's Conv sends 24 bits of its sum."""
    return (total + STATE_LIMIT) % (2 * STATE_LIMIT) - STATE_LIMIT
