"""The same sizes in snnTorch: layers take all steps at once, `Synaptic` neurons (current and voltage) step by step.

Dynamics differ: nothing is quantised or rounded, and the readout is `Synaptic` whose threshold is never reached.
"""

import snntorch
import torch

from lapilli.training.bench.tasks import FLAT, KERNELS, NEURON, Step, Task, training_step

KEEP = {"alpha": 1 - NEURON["current_decay"], "beta": 1 - NEURON["voltage_decay"]}
NEVER = 1e9


class Network(torch.nn.Module):
    """Layers and neurons in turn; input (steps, samples, *inputs)."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        torch.manual_seed(task.seed)
        sizes: list[torch.nn.Module]
        if task.kind == "conv":
            sizes = [torch.nn.Conv2d(*kernel, stride=2, bias=False) for kernel in KERNELS]
            sizes.append(torch.nn.Linear(FLAT, task.classes, bias=False))
        else:
            sizes = [torch.nn.Linear(700, 256, bias=False), torch.nn.Linear(256, task.classes, bias=False)]
        self.layers = torch.nn.ModuleList(sizes)
        self.feedback = torch.nn.Linear(256, 256, bias=False) if task.kind == "recurrent" else None
        self.spiking = snntorch.Synaptic(**KEEP, reset_mechanism="zero")
        self.readout = snntorch.Synaptic(**KEEP, threshold=NEVER, reset_mechanism="none")

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Mean voltages (samples, classes)."""
        for layer in self.layers[:-1]:
            arriving = layer(values.flatten(0, 1)).unflatten(0, values.shape[:2])
            current, voltage = torch.zeros(2, *arriving.shape[1:])
            spikes: list[torch.Tensor] = []
            for step in arriving:
                fed = step + self.feedback(spikes[-1]) if self.feedback is not None and spikes else step
                sent, current, voltage = self.spiking(fed, current, voltage)
                spikes.append(sent)
            values = torch.stack(spikes)
        arriving = self.layers[-1](values.flatten(2))
        current, voltage = torch.zeros(2, *arriving.shape[1:])
        total = torch.zeros(arriving.shape[1:])
        for step in arriving:
            _, current, voltage = self.readout(step, current, voltage)
            total = total + voltage
        return total / len(arriving)


def step_of(task: Task) -> Step:
    """A step of training."""
    network = Network(task)
    values = torch.movedim(task.values(), -1, 0).contiguous()
    return training_step(network, lambda: network(values), task.labels())
