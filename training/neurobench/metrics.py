"""NeuroBench's metrics of a torch module: exact whole numbers, streamed over batches; what fails raises.

Definitions: NeuroBench 2.3.0 (e521c28); docs/reference/neurobench.md has them one by one, with its files and the
differences.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.neurobench.hooks import ACTIVATIONS, ConnectionCounts, NeuronCounts, Watch, connections
from lapilli.training.neurobench.operations import connection_weights


@dataclass(frozen=True)
class StaticMetrics:
    """What a module holds, whatever runs through it.

    Arguments:
        footprint: bytes of parameters and buffers; states that are buffers count, once they have a batch's size.
        parameter_count: parameters.
        weights, zero_weights: weights of all connections, and those that are zero.
    """

    footprint: int
    parameter_count: int
    weights: int
    zero_weights: int

    @property
    def connection_sparsity(self) -> float:
        """Zero weights / weights, rounded to 4 places as NeuroBench does; 0: dense.

        Raises:
            LapilliError: for a module without connections.
        """
        if not self.weights:
            raise LapilliError("neurobench: connection sparsity: the module has no connections")
        return round(self.zero_weights / self.weights, 4)


@dataclass(frozen=True)
class TorchMetrics:
    """NeuroBench's metrics of a module.

    Arguments:
        static: what it holds, before anything ran.
        n_samples: samples that ran.
        connections, neurons: by module, in the module's order.
        not_counted: modules with parameters whose arithmetic is in no metric, and connections that never ran.
    """

    static: StaticMetrics
    n_samples: int
    connections: tuple[ConnectionCounts, ...]
    neurons: tuple[NeuronCounts, ...]
    not_counted: tuple[str, ...]

    @property
    def effective_acs(self) -> float:
        """Accumulations per sample, NeuroBench's "Effective_ACs"."""
        return sum(one.effective_acs for one in self.connections) / self.n_samples

    @property
    def effective_macs(self) -> float:
        """Multiplications and accumulations per sample, "Effective_MACs"."""
        return sum(one.effective_macs for one in self.connections) / self.n_samples

    @property
    def dense(self) -> float:
        """Operations per sample if no input and no weight were zero, "Dense"."""
        return sum(one.dense for one in self.connections) / self.n_samples

    @property
    def graded(self) -> float:
        """Operations per sample on inputs other than 0 and ±1; not a metric of NeuroBench."""
        return sum(one.graded for one in self.connections) / self.n_samples

    @property
    def activation_sparsity(self) -> float:
        """Zeros among all outputs of all activation modules / outputs; 0: dense.

        Raises:
            LapilliError: where no activation module ran.
        """
        outputs = sum(one.outputs for one in self.neurons)
        if not outputs:
            raise LapilliError("neurobench: activation sparsity: no activation module ran")
        return sum(one.zero_outputs for one in self.neurons) / outputs

    @property
    def membrane_updates(self) -> float:
        """Changed membranes per sample; all membranes count in the first step of a batch.

        Raises:
            UnsupportedError: naming the neurons whose membranes cannot be seen.
        """
        if unseen := [one.name for one in self.neurons if one.membrane_updates is None]:
            remedy = "its membranes cannot be seen; export it and record voltages (lapilli.simulators.bill.neurobench)"
            raise UnsupportedError("neurobench: membrane updates", [f"{name}: {remedy}" for name in unseen])
        return sum(one.membrane_updates or 0 for one in self.neurons) / self.n_samples

    def as_neurobench(self) -> dict[str, Any]:
        """Under the names and in the form of NeuroBench's results; what cannot be known is missing, not zero."""
        found: dict[str, Any] = {"Footprint": self.static.footprint, "ParameterCount": self.static.parameter_count}
        if self.static.weights:
            found["ConnectionSparsity"] = self.static.connection_sparsity
        if any(one.outputs for one in self.neurons):
            found["ActivationSparsity"] = self.activation_sparsity
        found["SynapticOperations"] = {
            "Effective_MACs": self.effective_macs,
            "Effective_ACs": self.effective_acs,
            "Dense": self.dense,
        }
        if all(one.membrane_updates is not None for one in self.neurons):
            found["MembraneUpdates"] = self.membrane_updates
        return found


def static_metrics(module: nn.Module) -> StaticMetrics:
    """Footprint, parameters and weights of a module, as it is now."""
    weights = [weight for _, part in connections(module) for weight in connection_weights(part)]
    return StaticMetrics(
        footprint=sum(held.numel() * held.element_size() for held in (*module.parameters(), *module.buffers())),
        parameter_count=sum(parameter.numel() for parameter in module.parameters()),
        weights=sum(weight.numel() for weight in weights),
        zero_weights=sum(weight.numel() - int(torch.count_nonzero(weight)) for weight in weights),
    )


def neurobench_metrics(
    module: nn.Module,
    batches: Iterable[torch.Tensor],
    forward: Callable[[nn.Module, torch.Tensor], Any] = nn.Module.__call__,
    *,
    activations: tuple[type[nn.Module], ...] = ACTIVATIONS,
    progress: Callable[[int], None] = lambda n_samples: None,
) -> TorchMetrics:
    """Run batches through a module and count.

    The module runs in evaluation mode without gradients, and is left with the modes and hooks that it had. A layer that
    is used in several places is counted wherever it is called. Memory does not grow with the number of batches.

    Arguments:
        module: of torch layers and cells, snnTorch neurons, SLAYER blocks; its weights must not change meanwhile.
        batches: samples along the first axis.
        forward: runs one batch; `over_steps` for networks of snnTorch neurons that take one step at a time.
        activations: activation modules, besides spiking neurons of snnTorch and SLAYER.
        progress: called with the number of samples finished since its last call.

    Raises:
        UnsupportedError: for fused recurrent layers (RNN, LSTM, GRU), whose states cannot be seen.
        LapilliError: for no samples; for inputs, outputs or membranes that are not finite, with the module's name.
    """
    static, watch, n_samples = static_metrics(module), Watch(module, activations), 0
    with _evaluating(module), watch.counting(), torch.no_grad():
        for batch in batches:
            watch.start_batch()
            forward(module, batch)
            n_samples += len(batch)
            progress(len(batch))
    if not n_samples:
        raise LapilliError("neurobench: no samples, nothing to count")
    of_connections, of_neurons = tuple(watch.connections.values()), tuple(watch.neurons.values())
    return TorchMetrics(static, n_samples, of_connections, of_neurons, watch.not_counted)


def over_steps(module: nn.Module, batch: torch.Tensor) -> None:
    """Run a network of snnTorch neurons step by step, from membranes of zero.

    Arguments:
        module: takes one step, (samples, …); its neurons keep their states themselves.
        batch: (samples, steps, …).
    """
    for part in module.modules():
        if hasattr(part, "reset_mem"):
            part.reset_mem()
    for step in range(batch.shape[1]):
        module(batch[:, step])


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training
