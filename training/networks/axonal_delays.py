"""Learned axonal delays applied to what neurons sent, with SLAYER's gradient."""

from typing import Any

import torch

from lapilli.training.networks import delay_kernels as kernels


def delayed(spikes: torch.Tensor, delay: Any) -> torch.Tensor:
    """What leaves axons with delays, (samples, neurons, steps); as SLAYER's `axon.Delay`, without a loop over neurons.

    Arguments:
        spikes: what the neurons sent, (samples, neurons, steps).
        delay: `slayer.axon.Delay` of that many neurons; its delays are brought into their range, as SLAYER does.
    """
    delay.clamp()
    late: torch.Tensor = _Delayed.apply(spikes, delay.delay, delay.grad_scale)  # type: ignore[no-untyped-call]
    return late


def later(sent: torch.Tensor, n_steps: int = 1) -> torch.Tensor:
    """(samples, *neurons, steps), so many steps later, by steps first in memory, as the fused blocks write and read."""
    by_step = sent.movedim(-1, 1)
    if sent.dim() == 5:
        by_step = by_step.permute(0, 1, 3, 4, 2)
    late = torch.cat([torch.zeros_like(by_step[:, :n_steps]), by_step[:, :-n_steps]], dim=1)
    return (late.permute(0, 1, 4, 2, 3) if sent.dim() == 5 else late).movedim(1, -1)


class _Delayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spikes: torch.Tensor, delay: torch.Tensor, grad_scale: float) -> torch.Tensor:
        steps = delay.detach().floor().long()
        sent = spikes.detach().transpose(1, 2).contiguous()
        late = torch.zeros_like(sent)
        if _in_kernels(sent):
            kernels.send_late(sent.numpy(), steps.numpy(), late.numpy())
        else:
            late = _moved(sent, steps)
        ctx.grad_scale = grad_scale
        ctx.save_for_backward(late, steps)
        return late.transpose(1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        late, steps = ctx.saved_tensors
        by_step = gradients[0].transpose(1, 2).contiguous()
        if _in_kernels(by_step):
            of_sent, of_delays = torch.zeros_like(by_step), torch.zeros(len(steps), dtype=torch.float64)
            arrays = (late.numpy(), steps.numpy(), by_step.numpy(), of_sent.numpy(), of_delays.numpy())
            kernels.gradients_of_delays(*arrays)
            return of_sent.transpose(1, 2), of_delays.float() * ctx.grad_scale, None
        # A longer delay by one step gives in each step what came a step before.
        change = torch.nn.functional.pad(late, (0, 0, 1, 0))[:, :-1] - late
        of_delays = (by_step * change).sum(dim=(0, 1)) * ctx.grad_scale
        return _moved(by_step, -steps).transpose(1, 2), of_delays, None


def _in_kernels(values: torch.Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype == torch.float32


def _moved(values: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """(samples, steps, neurons), the row of each neuron later by its number of steps; zeros come in."""
    n_steps = values.shape[1]
    source = torch.arange(n_steps, device=values.device)[:, None] - steps
    inside = (source >= 0) & (source < n_steps)
    picked = values.gather(1, source.clamp(0, max(n_steps - 1, 0)).expand(values.shape))
    return picked * inside
