"""The kernels of the device that a batch lies on: numba's on a CPU, Triton's on a GPU."""

from collections.abc import Sequence
from typing import Any

import torch

from lapilli.training.fused import arrivals as on_cpus
from lapilli.training.fused import convolution, gpu, neurons
from lapilli.training.fused.arrivals import Arrivals, together
from lapilli.training.fused.devices import on_gpu


def arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a dense synapse sends to its neurons: `lapilli.training.fused.arrivals.arrivals`."""
    found = gpu.dense_arrivals if on_gpu(values) else on_cpus.arrivals
    return found(synapse, neuron, values)


def conv_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a convolution sends to its neurons: `lapilli.training.fused.convolution.conv_arrivals`."""
    found = gpu.conv_arrivals if on_gpu(values) else convolution.conv_arrivals
    return found(synapse, neuron, values)


def multi_dense_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several dense synapses send to the same neurons: `lapilli.training.fused.arrivals.multi_dense_arrivals`."""
    if len(inputs) == len(synapses) and on_gpu(inputs[0]):
        return together([gpu.dense_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)])
    return on_cpus.multi_dense_arrivals(synapses, neuron, inputs)


def multi_conv_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several convolutions send to the same neurons: `lapilli.training.fused.convolution.multi_conv_arrivals`."""
    if len(inputs) == len(synapses) and on_gpu(inputs[0]):
        return together([gpu.conv_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)])
    return convolution.multi_conv_arrivals(synapses, neuron, inputs)


def synapse_arrivals(synapse: Any, values: torch.Tensor) -> Arrivals | None:
    """What any other synapse sends to its neurons, by SLAYER's own product; None where SLAYER's code must run."""
    if on_gpu(values):
        return Arrivals.of_numbers(gpu.product_of(synapse, values)) if gpu.readable(values) else None
    return Arrivals.of_numbers(synapse(values)) if on_cpus.on_cpu(values) else None


def run_neurons(
    block: Any, arrivals: Arrivals | None, spiking: bool = True, feedback: torch.Tensor | None = None
) -> torch.Tensor | None:
    """What a block answers to what arrives: `lapilli.training.fused.neurons.run_neurons`."""
    real = None if arrivals is None else arrivals.real
    run = gpu.run_neurons if real is not None and on_gpu(real) else neurons.run_neurons
    return run(block, arrivals, spiking, feedback)
