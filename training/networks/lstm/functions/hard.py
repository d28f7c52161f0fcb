"""A layer of an LSTM with clipped activations over all elements, with gradients."""

from typing import Any

import numpy as np
import torch

from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.lstm.kernels.hard import backward, forward


def hard_layer(x: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, clips: torch.Tensor) -> torch.Tensor:
    """What a layer gives, (elements, samples, units).

    Arguments:
        x: what arrives from below, (elements, samples, 4 units), gates in the order i, f, g, o.
        recurrent: weights (4 units, units).
        bias: (4 units).
        clips: of i, f, g, o and tanh of the cell, (5), as of the kernels.
    """
    found: torch.Tensor = _Layer.apply(x, recurrent, bias, clips)  # type: ignore[no-untyped-call]
    return found


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, clips: torch.Tensor
    ) -> torch.Tensor:
        n_elements, n_samples, width = x.shape
        z = torch.empty(n_elements, n_samples, width)
        cell, h = (torch.empty(n_elements, n_samples, width // 4) for _ in range(2))
        around, weight = torch.empty(n_samples, width), recurrent.t().contiguous()
        last, before = torch.zeros(n_samples, width // 4), torch.zeros(n_samples, width // 4)
        above = x.contiguous().numpy()
        fixed = bias.numpy(), clips.numpy()
        for element in range(n_elements):
            torch.mm(last, weight, out=around)
            now = z[element].numpy(), cell[element].numpy(), h[element].numpy()
            forward(above[element], around.numpy(), *fixed, before.numpy(), *now)
            last, before = h[element], cell[element]
        ctx.save_for_backward(recurrent, clips, z, cell, h)
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        recurrent, clips, z, cell, h = ctx.saved_tensors
        dz = torch.empty_like(z)
        of_cells, nothing = np.zeros(h.shape[1:], np.float32), np.zeros(h.shape[1:], np.float32)
        part, found = np.zeros((5, h.shape[2]), np.float32), np.zeros((5, h.shape[2]))
        gradient = gradient.contiguous()
        for element in range(len(h) - 1, -1, -1):
            of_h = gradient[element]
            if element < len(h) - 1:
                of_h = torch.addmm(of_h, dz[element + 1], recurrent)
            before = cell[element - 1].numpy() if element else nothing
            part[:] = 0
            states = before, z[element].numpy(), cell[element].numpy()
            backward(of_h.numpy(), of_cells, clips.numpy(), *states, dz[element].numpy(), part)
            found += part
        of_recurrent = torch.mm(dz[1:].flatten(0, 1).t(), h[:-1].flatten(0, 1))
        of_clips = torch.from_numpy(found.sum(1).astype(np.float32))
        return dz, of_recurrent, dz.sum((0, 1)), of_clips
