"""The kernels of the device that a batch lies on: numba's on a CPU, Triton's on a GPU."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lapilli.training.fused import arrivals, convolution, neurons
from lapilli.training.fused.arrivals import Arrivals
from lapilli.training.fused.devices import on_gpu
from lapilli.training.fused.gpu import arrivals as gpu_arrivals
from lapilli.training.fused.gpu import neurons as gpu_neurons


@dataclass(frozen=True)
class Kernels:
    """What computes on one kind of device; the functions of CPUs say what the arguments are.

    Arguments:
        dense, conv: what a synapse sends to its neurons.
        multi_dense, multi_conv: what several synapses send to the same neurons.
        synapse: what any other synapse sends, by SLAYER's own product.
        neurons: what the neurons of a block answer.
    """

    dense: Callable[..., Arrivals | None]
    conv: Callable[..., Arrivals | None]
    multi_dense: Callable[..., Arrivals | None]
    multi_conv: Callable[..., Arrivals | None]
    synapse: Callable[..., Arrivals | None]
    neurons: Callable[..., torch.Tensor | None]


ON_CPU = Kernels(
    dense=arrivals.dense_arrivals,
    conv=convolution.conv_arrivals,
    multi_dense=arrivals.multi_dense_arrivals,
    multi_conv=convolution.multi_conv_arrivals,
    synapse=arrivals.synapse_arrivals,
    neurons=neurons.run_neurons,
)

ON_GPU = Kernels(
    dense=gpu_arrivals.dense_arrivals,
    conv=gpu_arrivals.conv_arrivals,
    multi_dense=gpu_arrivals.multi_dense_arrivals,
    multi_conv=gpu_arrivals.multi_conv_arrivals,
    synapse=gpu_arrivals.synapse_arrivals,
    neurons=gpu_neurons.run_neurons,
)


def kernels_for(*inputs: torch.Tensor) -> Kernels:
    """Those of the device of the first input."""
    return ON_GPU if inputs and on_gpu(inputs[0]) else ON_CPU
