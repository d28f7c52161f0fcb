"""Blocks that read several layers: a synapse for each, whose currents add up in front of one population of neurons.

SLAYER has no such block; these are made of its synapses, its CUBA neurons and its delays. `SlayerMultiDense` and
`SlayerMultiConv` run SLAYER's own code, `MultiDense` and `MultiConv` the same on fused kernels.

A block that skips layers needs no delays to be exported: whatever SLAYER's blocks send is shifted by one step, so a
layer that is read over a shorter way arrives earlier, as it does where each synapse of a network takes one step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lapilli.training.fused.arrivals import added
from lapilli.training.fused.dispatch import kernels_for
from lapilli.training.networks.slayer import slayer

_step_delay = slayer.block.base.step_delay


class _SlayerMulti(torch.nn.Module):
    """CUBA neurons behind several synapses of SLAYER, by SLAYER's code.

    Attributes:
        synapses: one for each input, in order.
        neuron: of `lava.lib.dl.slayer.neuron.cuba`.
        delay: axonal delays, or None.
        delay_shift: whether spikes are sent one step late.
    """

    def __init__(
        self,
        neuron_params: Mapping[str, Any],
        synapses: Sequence[Any],
        delay: bool,
        delay_shift: bool,
        checkpoint_steps: int | None,
    ) -> None:
        super().__init__()
        self.checkpoint_steps = checkpoint_steps
        self.neuron = slayer.neuron.cuba.Neuron(**neuron_params)
        self.synapses = torch.nn.ModuleList(synapses)
        self.delay = slayer.axon.Delay(max_delay=62) if delay else None
        self.delay_shift = delay_shift
        for synapse in synapses:
            if synapse.pre_hook_fx is None:
                synapse.pre_hook_fx = self.neuron.quantize_8bit

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Spikes (samples, *neurons, steps) for those of the inputs, one tensor for each synapse."""
        arriving = [synapse(values) for synapse, values in zip(self.synapses, inputs, strict=True)]
        spikes: torch.Tensor = self.neuron(added(arriving))
        if self.delay_shift:
            spikes = _step_delay(self, spikes)
        return spikes if self.delay is None else self.delay(spikes)

    @property
    def shape(self) -> Any:
        """Of the neurons; None before the first run."""
        return self.neuron.shape


class SlayerMultiDense(_SlayerMulti):
    """A dense layer that reads several layers.

    Arguments:
        neuron_params: of the CUBA neuron, as SLAYER's blocks take them.
        in_sizes: neurons of each input.
        out_neurons: neurons.
        weight_scale: factor on torch's initial weights, for all or for each input.
        weight_norm: whether weights are normalised.
        pre_hook_fx: what quantises the weights; None: the neuron's 8 bits.
        delay: whether there are axonal delays, learnt.
        delay_shift: whether spikes are sent one step late, as SLAYER's blocks do.
        checkpoint_steps: as of the fused blocks; SLAYER's code has no use for it.
    """

    def __init__(
        self,
        neuron_params: Mapping[str, Any],
        in_sizes: Sequence[int],
        out_neurons: int,
        weight_scale: float | Sequence[float] = 1,
        weight_norm: bool = False,
        pre_hook_fx: Any = None,
        delay: bool = False,
        delay_shift: bool = True,
        checkpoint_steps: int | None = None,
    ) -> None:
        synapses = [
            slayer.synapse.Dense(size, out_neurons, scale, weight_norm, pre_hook_fx)
            for size, scale in zip(in_sizes, _for_each(weight_scale, len(in_sizes)), strict=True)
        ]
        super().__init__(neuron_params, synapses, delay, delay_shift, checkpoint_steps)


class SlayerMultiConv(_SlayerMulti):
    """A convolution layer that reads several layers, whose outputs must come out in the same size.

    Arguments:
        neuron_params: of the CUBA neuron, as SLAYER's blocks take them.
        sources: for each input what SLAYER's convolution takes: `in_features`, `kernel_size`, and where they are not
            the usual ones `stride`, `padding`, `dilation`, `groups`.
        out_features: channels.
        weight_scale: factor on torch's initial weights, for all or for each input.
        weight_norm, pre_hook_fx, delay, delay_shift, checkpoint_steps: as of `SlayerMultiDense`.
    """

    def __init__(
        self,
        neuron_params: Mapping[str, Any],
        sources: Sequence[Mapping[str, Any]],
        out_features: int,
        weight_scale: float | Sequence[float] = 1,
        weight_norm: bool = False,
        pre_hook_fx: Any = None,
        delay: bool = False,
        delay_shift: bool = True,
        checkpoint_steps: int | None = None,
    ) -> None:
        synapses = [
            slayer.synapse.Conv(
                out_features=out_features,
                weight_scale=scale,
                weight_norm=weight_norm,
                pre_hook_fx=pre_hook_fx,
                **source,
            )
            for source, scale in zip(sources, _for_each(weight_scale, len(sources)), strict=True)
        ]
        super().__init__(neuron_params, synapses, delay, delay_shift, checkpoint_steps)


class MultiDense(SlayerMultiDense):
    """A dense layer that reads several layers, fused; arguments are those of `SlayerMultiDense`."""

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Spikes (samples, neurons, steps) for those of the inputs, (samples, inputs, steps) for each synapse."""
        kernels = kernels_for(*inputs)
        fused = kernels.neurons(self, kernels.multi_dense(self.synapses, self.neuron, inputs))
        return super().forward(inputs) if fused is None else fused


class MultiConv(SlayerMultiConv):
    """A convolution layer that reads several layers, fused; arguments are those of `SlayerMultiConv`."""

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        kernels = kernels_for(*inputs)
        fused = kernels.neurons(self, kernels.multi_conv(self.synapses, self.neuron, inputs))
        return super().forward(inputs) if fused is None else fused


def _for_each(value: float | Sequence[float], number: int) -> Sequence[float]:
    return [value] * number if isinstance(value, (int, float)) else value
