"""Hooks that count while a torch module runs: what its connections do, what its neurons give."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from lapilli.training.neurobench.operations import (
    FanOuts,
    is_connection,
    is_slayer_synapse,
    operations,
    refuse_not_finite,
)

ACTIVATIONS: tuple[type[nn.Module], ...] = (nn.ReLU, nn.Sigmoid)
"""Activation modules that NeuroBench knows, besides spiking neurons."""


@dataclass
class ConnectionCounts:
    """Synaptic operations of one connection over all samples.

    Arguments:
        name: of the module; "" for the module itself.
        calls: times it was run.
        effective_acs, effective_macs: pairs of a non-zero input and weight, by NeuroBench's class of each call: ACs if
            all inputs in the call (a batch, a step) are 0, 1 or -1, MACs if one is not.
        dense: all pairs, zeros too.
        graded: pairs whose own input is neither 0 nor ±1; unlike the class of a call, it does not depend on the batch.
    """

    name: str
    calls: int = 0
    effective_acs: int = 0
    effective_macs: int = 0
    dense: int = 0
    graded: int = 0


@dataclass
class NeuronCounts:
    """Outputs of one activation module over all samples.

    Arguments:
        name: of the module.
        outputs, zero_outputs: what it gave in all calls, and how many of them were zero.
        membrane_updates: membranes that a call changed, and all in the first call of each batch; 0 for modules without
            membranes; None where they cannot be seen (SLAYER).
    """

    name: str
    outputs: int = 0
    zero_outputs: int = 0
    membrane_updates: int | None = 0


def connections(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every connection in a module, with its name; what is inside of one is part of it."""
    return _outermost(module, is_connection)


def neurons(module: nn.Module, activations: tuple[type[nn.Module], ...]) -> Iterator[tuple[str, nn.Module]]:
    """Every activation module and spiking neuron in a module, with its name."""
    return _outermost(module, lambda part: isinstance(part, activations) or _is_snntorch(part) or _is_slayer(part))


@dataclass
class Watch:
    """Counters of a module, which run while `counting` is open.

    Arguments:
        module: what is to be run.
        activations: activation modules, besides spiking neurons.
    """

    module: nn.Module
    activations: tuple[type[nn.Module], ...] = ACTIVATIONS
    connections: dict[nn.Module, ConnectionCounts] = field(init=False)
    neurons: dict[nn.Module, NeuronCounts] = field(init=False)
    _started: set[nn.Module] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.connections = {part: ConnectionCounts(name) for name, part in connections(self.module)}
        self.neurons = {
            part: NeuronCounts(name, membrane_updates=None if _is_slayer(part) else 0)
            for name, part in neurons(self.module, self.activations)
        }

    def start_batch(self) -> None:
        """The next call of each neuron is the first one of new samples."""
        self._started.clear()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count as long as the block is open."""
        with ExitStack() as stack:
            for handle in self._hooks():
                stack.callback(handle.remove)
            yield

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Modules with parameters whose arithmetic is in no metric, and connections that never ran."""
        known = {inner for part in self.connections for inner in part.modules()} | set(self.neurons)
        others = [
            f"{name or 'the module'} ({type(part).__name__})"
            for name, part in self.module.named_modules()
            if part not in known and next(part.parameters(recurse=False), None) is not None
        ]
        return (*others, *(f"{one.name} (never ran)" for one in self.connections.values() if not one.calls))

    def _hooks(self) -> Iterator[RemovableHandle]:
        fan_outs = {part: FanOuts(part) for part in self.connections}
        for part, of_connection in self.connections.items():
            yield _count_calls(part, of_connection, fan_outs[part])
        for part, of_neuron in self.neurons.items():
            yield _count_outputs(part, of_neuron)
            if _is_snntorch(part) and hasattr(part, "mem"):
                yield from _count_membranes(part, of_neuron, self._started)
        for part in self.module.modules():
            synapse: Any = getattr(part, "recurrent_synapse", None)
            if synapse in self.connections and is_slayer_synapse(synapse):
                yield from _count_recurrence(part, self.connections[synapse], fan_outs[synapse])


def _count_calls(part: nn.Module, counts: ConnectionCounts, fan_outs: FanOuts) -> RemovableHandle:
    def after(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], __: Any) -> None:
        _add(counts, fan_outs, arguments, named)

    return part.register_forward_hook(after, with_kwargs=True)


def _add(counts: ConnectionCounts, fan_outs: FanOuts, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    of_call = operations(counts.name, fan_outs, arguments, named)
    counts.calls += 1
    if of_call.accumulates:
        counts.effective_acs += of_call.effective
    else:
        counts.effective_macs += of_call.effective
    counts.dense += of_call.dense
    counts.graded += of_call.graded


def _count_outputs(part: nn.Module, counts: NeuronCounts) -> RemovableHandle:
    def after(_: nn.Module, __: Any, output: Any) -> None:
        given: torch.Tensor = output[0] if isinstance(output, tuple) else output
        refuse_not_finite(given, f"{counts.name or 'the module'}: outputs")
        counts.outputs += given.numel()
        counts.zero_outputs += given.numel() - int(torch.count_nonzero(given))

    return part.register_forward_hook(after)


def _count_membranes(part: nn.Module, counts: NeuronCounts, started: set[nn.Module]) -> Iterator[RemovableHandle]:
    membranes: list[torch.Tensor] = []

    def before(neuron: Any, _: Any) -> None:
        membranes[:] = [neuron.mem]

    def after(neuron: Any, _: Any, __: Any) -> None:
        old, new = membranes.pop(), neuron.mem
        refuse_not_finite(new, f"{counts.name or 'the module'}: membranes")
        fresh = neuron not in started or old.shape != new.shape
        changed = new.numel() if fresh else int(torch.count_nonzero(old != new))
        counts.membrane_updates = (counts.membrane_updates or 0) + changed
        started.add(neuron)

    yield part.register_forward_pre_hook(before)
    yield part.register_forward_hook(after)


def _count_recurrence(block: Any, counts: ConnectionCounts, fan_outs: FanOuts) -> Iterator[RemovableHandle]:
    """What the neuron sent in the step before; SLAYER takes the weights of `recurrent_synapse` without running it.

    Source: lava-dl 0.6.0, `slayer/utils/recurrent.py`.
    """
    sent: list[torch.Tensor] = []

    def before(_: nn.Module, __: Any) -> None:
        sent.clear()

    def after(_: nn.Module, __: Any, output: torch.Tensor) -> None:
        arriving = sent.pop() if sent else torch.zeros_like(output)
        _add(counts, fan_outs, (arriving,), {})
        sent.append(output)

    yield block.register_forward_pre_hook(before)
    yield block.neuron.register_forward_hook(after)


def _outermost(module: nn.Module, matches: Any, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    if matches(module):
        yield name, module
        return
    for child_name, child in module.named_children():
        yield from _outermost(child, matches, f"{name}.{child_name}" if name else child_name)


def _is_snntorch(module: nn.Module) -> bool:
    """By name: snnTorch is not needed to know its neurons."""
    return any(kind.__name__ == "SpikingNeuron" and _of(kind, "snntorch") for kind in type(module).__mro__)


def _is_slayer(module: nn.Module) -> bool:
    """By name: Lava need not be imported to know SLAYER's neurons."""
    return any(kind.__name__ == "Neuron" and _of(kind, "lava.lib.dl.slayer.neuron") for kind in type(module).__mro__)


def _of(kind: type, package: str) -> bool:
    return f"{kind.__module__}.".startswith(f"{package}.")
