"""What synapses send to neurons on a GPU: exact products of torch, as numbers."""

from collections.abc import Sequence
from typing import Any

import torch

from lapilli.training.fused.arrivals import Arrivals, flattened, quantised, quantised_weight, together
from lapilli.training.fused.convolution import all_alike, geometry_of
from lapilli.training.fused.events import exact_sums
from lapilli.training.fused.gpu.products import ConvProduct, DenseProduct, full_precision
from lapilli.training.fused.gpu.refusals import readable
from lapilli.training.networks.slayer import slayer


def dense_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a dense synapse of SLAYER sends to its neurons; arguments as `fused.arrivals.dense_arrivals`."""
    if not readable(values) or values.dim() < 3:
        return None
    weight = quantised_weight(synapse, neuron, values.device)
    flat = values if values.dim() == 3 else flattened(values, synapse)
    if weight is None or flat is None or flat.shape[1] != weight.shape[1] or not exact_sums(flat, flat.shape[1]):
        return Arrivals.of_numbers(product_of(synapse, values))
    n_samples, n_inputs, n_steps = flat.shape
    by_step = flat.transpose(1, 2).reshape(-1, n_inputs)
    product = DenseProduct.apply(by_step, weight)  # type: ignore[no-untyped-call]
    shape = torch.Size((n_samples, len(weight), *(1,) * (values.dim() - 3), n_steps))
    return Arrivals(shape, real=product.reshape(n_samples, n_steps, -1).transpose(1, 2))


def conv_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a convolution of SLAYER sends; arguments as `fused.convolution.conv_arrivals`."""
    if not readable(values) or values.dim() != 5:
        return None
    kernels = quantised(synapse, slayer.synapse.Conv, neuron, values.device)
    geometry = None if kernels is None else geometry_of(synapse, values.shape)
    if kernels is None or geometry is None or not exact_sums(values, geometry.fan_in):
        return Arrivals.of_numbers(product_of(synapse, values))
    n_samples, n_steps = len(values), values.shape[-1]
    images = values.permute(0, 4, 2, 3, 1).flatten(0, 1).contiguous()
    product = ConvProduct.apply(images, kernels.squeeze(-1), geometry)  # type: ignore[no-untyped-call]
    by_step = product.reshape(n_samples, n_steps, -1)
    shape = torch.Size((n_samples, *geometry.outputs, n_steps))
    found = Arrivals(shape, real=by_step.transpose(1, 2), channels_last=True)
    return found if all_alike(neuron) else Arrivals.of_numbers(found.form.shaped(by_step))


def multi_dense_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several dense synapses send to the same neurons; None where it is for SLAYER to refuse the inputs."""
    if len(inputs) != len(synapses):
        return None
    return together([dense_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)])


def multi_conv_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several convolutions send to the same neurons; None where it is for SLAYER to refuse the inputs."""
    if len(inputs) != len(synapses):
        return None
    return together([conv_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)])


def product_of(synapse: Any, values: torch.Tensor) -> torch.Tensor:
    """SLAYER's own product, without TF32; its gradient follows torch's settings."""
    with full_precision():
        product: torch.Tensor = synapse(values)
    return product


def synapse_arrivals(synapse: Any, values: torch.Tensor) -> Arrivals | None:
    """What any other synapse sends; None where SLAYER's code must run."""
    return Arrivals.of_numbers(product_of(synapse, values)) if readable(values) else None
