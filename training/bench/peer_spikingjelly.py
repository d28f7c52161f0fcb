"""The same sizes in SpikingJelly, multi-step mode, torch backend.

Its `LIFNode` keeps a voltage and no current, so it does less for a neuron; nothing is quantised or rounded.
"""

import torch
from spikingjelly.activation_based import layer, neuron, surrogate

from lapilli.training.bench.tasks import FLAT, KERNELS, NEURON, Step, Task, training_step

NEVER = 1e9
TAU = 1 / NEURON["voltage_decay"]


class Network(torch.nn.Module):
    """Input (steps, samples, *inputs)."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        torch.manual_seed(task.seed)
        parts: list[torch.nn.Module] = []
        if task.kind == "conv":
            for kernel in KERNELS:
                parts += [layer.Conv2d(*kernel, stride=2, bias=False, step_mode="m"), _spiking()]
            parts += [layer.Flatten(step_mode="m"), layer.Linear(FLAT, task.classes, bias=False, step_mode="m")]
        else:
            parts.append(layer.Linear(700, 256, bias=False, step_mode="m"))
            if task.kind == "recurrent":
                parts.append(layer.LinearRecurrentContainer(_spiking("s"), 256, 256, bias=False, step_mode="m"))
            else:
                parts.append(_spiking())
            parts.append(layer.Linear(256, task.classes, bias=False, step_mode="m"))
        self.parts = torch.nn.Sequential(*parts)
        self.readout = neuron.LIFNode(
            tau=TAU, decay_input=False, v_threshold=NEVER, v_reset=None, step_mode="m", store_v_seq=True
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Mean voltages (samples, classes)."""
        for part in self.modules():
            if part is not self and hasattr(part, "reset"):
                part.reset()
        self.readout(self.parts(values))
        mean: torch.Tensor = self.readout.v_seq.mean(0)
        return mean


def step_of(task: Task) -> Step:
    """A step of training."""
    network = Network(task)
    values = torch.movedim(task.values(), -1, 0).contiguous()
    return training_step(network, lambda: network(values), task.labels())


def _spiking(step_mode: str = "m") -> torch.nn.Module:
    smooth = surrogate.ATan()
    found: torch.nn.Module = neuron.LIFNode(
        tau=TAU, decay_input=False, v_reset=0.0, surrogate_function=smooth, detach_reset=True, step_mode=step_mode
    )
    return found
