"""NeuroBench itself, on the modules of the tests."""

from typing import Any

import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

STATIC = [Footprint, ParameterCount, ConnectionSparsity]
WORKLOAD = [ActivationSparsity, SynapticOperations, MembraneUpdates]


def theirs(model: Any, inputs: Any, batch_size: int) -> dict[str, Any]:
    """What NeuroBench says; it prints its failures, so nothing of that is to be seen here."""
    loader = DataLoader(TensorDataset(inputs, torch.zeros(len(inputs))), batch_size=batch_size)
    return Benchmark(model, loader, [], [], [STATIC, WORKLOAD]).run(quiet=True)


class Spiking(nn.Sequential):
    """One step in each call; the last neurons give spikes and membranes, as NeuroBench asks."""

    def reset(self) -> None:
        """What NeuroBench calls before each batch, if there is such a method."""
        for part in self.modules():
            if hasattr(part, "reset_mem"):
                part.reset_mem()


def sparse(layer: Any, share: float = 0.3) -> Any:
    """Some of the weights of a layer, or of all layers in it, zero."""
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.dim() > 1:
                parameter[torch.rand(parameter.shape) < share] = 0
    return layer
