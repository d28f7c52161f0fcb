"""The integer network that was trained: as `Network`, and the trained module as a backend to prove it by."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.network import Layer as ExportedLayer
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, CubaLif
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.netx_exports.synapses.kinds import ConvSynapse as ExportedConv
from lapilli.netx_exports.synapses.kinds import DenseSynapse as ExportedDense
from lapilli.netx_exports.synapses.kinds import Synapse as ExportedSynapse
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import RunResult
from lapilli.training.exported.module_results import MODULE_BATCH, Arrays, joined, module_result
from lapilli.training.stllr.config import INTEGER_UNIT, OnlineNetworkConfig
from lapilli.training.stllr.frames import Frames
from lapilli.training.stllr.layers import STATE_UNITS, Layer, LayerRun
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.synapses import ConvSynapse, Synapse


def not_exportable(config: OnlineNetworkConfig) -> list[str]:
    """Why a network of that configuration has no exact integer form; nothing where it has one."""
    reasons = []
    if config.arithmetic != "integer":
        reasons.append('arithmetic: must be "integer", real weights have no exact integers')
    if config.reset != "zero":
        reasons.append('reset: must be "zero", a CUBA neuron of Lava cannot subtract its threshold')
    return reasons


def export(network: OnlineNetwork) -> Network:
    """The integer network that the module computes, with its readout.

    Here all layers answer in the same step; there each answers a step after the one below it.

    Raises:
        UnsupportedError: where it has no exact integer form, with all reasons.
    """
    if reasons := not_exportable(network.config):
        raise UnsupportedError("export", reasons)
    layers: list[ExportedLayer] = []
    source = INPUT
    for number, layer in enumerate((*network.hidden, network.readout)):
        name = _name(network, number)
        sources = (source, name)
        synapses = [_synapse(part, of) for part, of in zip(layer.parts, sources)]
        neurons = layer.neurons
        threshold = NEVER_SPIKES if neurons.threshold is None else round(neurons.threshold * INTEGER_UNIT)
        neuron = CubaLif(threshold, DECAY_UNITY, DECAY_UNITY - neurons.kept)
        layers.append(ExportedLayer(name, layer.shape, neuron, tuple(synapses)))
        source = name
    graded, readout = network.graded_input, Readout("voltage_sum")
    return Network(network.input_shape, tuple(layers), graded_input=graded, readout=readout)


def _name(network: OnlineNetwork, number: int) -> str:
    if number == len(network.hidden):
        return f"readout{number + 1}"
    layer = network.hidden[number]
    if isinstance(layer.parts[0], ConvSynapse):
        return f"conv{number + 1}"
    return f"recurrent{number + 1}" if len(layer.parts) > 1 else f"dense{number + 1}"


def _synapse(part: Synapse, source: str) -> ExportedSynapse:
    weights = torch.round(part.used().detach().double() * INTEGER_UNIT).to(torch.int64).numpy()
    if isinstance(part, ConvSynapse):
        return ExportedConv(source, weights, (part.stride, part.stride), (part.padding, part.padding))
    return ExportedDense(source, weights)


@dataclass(frozen=True)
class ModuleBackend:
    """Runs the module in place of the network exported from it: `run(network, events, ModuleBackend(module))`.

    Arguments:
        module: what `export` exported.

    Raises (when called):
        UnsupportedError: for a periodic reset, or a module that is not exportable.
        LapilliError: when the layers do not match the network's.
    """

    module: OnlineNetwork

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps, each from empty state."""
        if plan.reset is not None:
            raise UnsupportedError("module backend", ["reset: there is no periodic reset"])
        if reasons := not_exportable(self.module.config):
            raise UnsupportedError("module backend", reasons)
        layers = [*self.module.hidden, self.module.readout]
        if [layer.shape for layer in layers] != [layer.shape for layer in network.layers]:
            raise LapilliError("the layers of the module are not those of the network")
        started = time.perf_counter()
        batches = []
        with torch.no_grad():
            for first in range(0, len(events), MODULE_BATCH):
                batch = events.select(slice(first, first + MODULE_BATCH))
                batches.append(_states(self.module, batch, plan.n_steps))
                plan.progress(len(batch))
        arrays = {
            layer.name: joined([batch[number] for batch in batches], layer, plan.n_steps)
            for number, layer in enumerate(network.layers)
        }
        return module_result("module", network, events, plan, arrays, time.perf_counter() - started)


def _states(module: OnlineNetwork, events: Events, n_steps: int) -> list[Arrays]:
    """Spikes, current and voltage of each layer, (samples, *shape, steps), in the exported network's steps."""
    labelled = replace(events, labels=np.zeros(len(events), np.int64))
    layers: list[Layer] = [*module.hidden, module.readout]
    runs = [LayerRun(layer, len(events)) for layer in layers]
    found = [
        {kind: np.zeros((len(events), *layer.shape, n_steps), np.int32) for kind in ("spikes", "current", "voltage")}
        for layer in layers
    ]
    frames: Iterator[torch.Tensor] = iter(Frames(labelled, n_steps, module.input_shape))
    for step, values in enumerate(frames):
        for number, (run, arrays) in enumerate(zip(runs, found)):
            current = run.integrate(values)
            spiking = run.layer.neurons.threshold is not None
            values = run.fire() if spiking else run.spikes
            # A layer of a network answers a step after what it reads.
            if (late := step + number + 1) < n_steps:
                arrays["current"][..., late] = _units(current)
                arrays["voltage"][..., late] = _units(run.voltage)
                arrays["spikes"][..., late] = values.numpy()
    return found


def _units(values: torch.Tensor) -> Any:
    return torch.round(values.double() * STATE_UNITS).numpy()
