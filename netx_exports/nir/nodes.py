"""Nodes of the package `nir` for the synapses and neurons of a network that NIR can say."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, CubaLif
from lapilli.netx_exports.nir.meaning import WEIGHT_UNIT, Ints, gain, time_constant
from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, IdentitySynapse, Shape, Synapse

Numbers = dict[str, npt.NDArray[np.float64]]

_PARAMETERS = ("vth_mant", "current_decay", "voltage_decay", "bias_mant")
"""Parameters of neurons that are one number for the layer, for each channel or for each neuron."""


def synapse_nodes(
    nir: Any, synapse: Synapse, source_shape: Shape, shape: Shape, implied: int, dt: float
) -> list[tuple[str, Any]]:
    """(role, node) from the source to the neurons of a layer; roles tell the nodes of a synapse apart.

    Arguments:
        nir: the package.
        synapse: one that `nir_refusals` says nothing of.
        source_shape, shape: of what it reads and of the layer in the graph (`nir_meaning.nir_shapes`).
        implied: steps that it takes in the graph without a delay of its own (`nir_meaning.implied_steps`).
        dt: seconds in a step.
    """
    sides = synapse.split_delays()
    assert sides is not None
    before, after = sides[0], sides[1] + implied
    nodes = _WEIGHTED[synapse.kind](nir, synapse, source_shape, before * dt)
    arriving = synapse.output_shape(source_shape)
    if np.any(after):
        nodes.append(("delay", nir.Delay(_per_channel(after, arriving) * dt)))
    if len(arriving) > len(shape):
        nodes.append(("flatten", _flatten(nir, arriving)))
    return nodes


def _convolution_nodes(
    nir: Any, synapse: ConvSynapse, shape: Shape, delays: npt.NDArray[np.float64]
) -> list[tuple[str, Any]]:
    return [("weight", _convolution(nir, synapse, shape))]


def _identity_nodes(
    nir: Any, synapse: IdentitySynapse, shape: Shape, delays: npt.NDArray[np.float64]
) -> list[tuple[str, Any]]:
    scale = _weights(np.full(shape, synapse.weight), synapse.weight_exp)
    return [("weight", nir.Scale(scale, metadata=_stored_exponent(synapse.weight_exp)))]


def _dense_nodes(
    nir: Any, synapse: DenseSynapse, shape: Shape, delays: npt.NDArray[np.float64]
) -> list[tuple[str, Any]]:
    nodes: list[tuple[str, Any]] = []
    if len(shape) > 1:
        nodes.append(("flatten", _flatten(nir, shape)))
    if np.any(delays):
        nodes.append(("early", nir.Delay(np.broadcast_to(delays, prod(shape)))))
    weights = _weights(synapse.effective_weights, synapse.weight_exp)
    nodes.append(("weight", nir.Linear(weights, metadata=_stored_exponent(synapse.weight_exp))))
    return nodes


_WEIGHTED: Mapping[str, Callable[..., list[tuple[str, Any]]]] = {
    ConvSynapse.kind: _convolution_nodes,
    IdentitySynapse.kind: _identity_nodes,
    DenseSynapse.kind: _dense_nodes,
}
"""By kind of synapse: (role, node) up to the one with the weights."""


def _per_channel(values: Ints, shape: Shape) -> Ints:
    """One value for each neuron, of shape `shape`, from one for all or one for each along the first axis."""
    return np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - 1)), shape)


def _weights(weights: IntArray, weight_exp: int) -> npt.NDArray[np.float32]:
    """Multiples of 1/64 up to 2**9, which float32 holds exactly."""
    return (weights.astype(np.float64) * 2.0**weight_exp / WEIGHT_UNIT).astype(np.float32)


def _stored_exponent(weight_exp: int) -> dict[str, int]:
    return {"weight_exp": weight_exp} if weight_exp else {}


def _flatten(nir: Any, shape: Shape) -> Any:
    return nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1)


def _convolution(nir: Any, synapse: ConvSynapse, source_shape: Shape) -> Any:
    weights = _weights(synapse.effective_weights, 0)
    return nir.Conv2d(
        input_shape=source_shape[1:],
        weight=weights,
        stride=synapse.stride,
        padding=synapse.padding,
        dilation=synapse.dilation,
        groups=1,
        bias=np.zeros(len(weights), np.float32),
    )


def neuron_nodes(nir: Any, layer: Layer, shape: Shape, dt: float) -> tuple[Any | None, Any]:
    """(node of the current, node of the voltage); the first is None where the second has the current or needs none.

    Arguments:
        nir: the package.
        layer: one that `nir_refusals` says nothing of.
        shape: of the layer in the graph (`nir_meaning.nir_shapes`).
        dt: seconds in a step.
    """
    return NEURON_NODES[layer.neuron.model](nir, layer.neuron, layer.shape, shape, dt)


def _cuba_nodes(nir: Any, neuron: CubaLif, own_shape: Shape, shape: Shape, dt: float) -> tuple[Any | None, Any]:
    each = {name: neuron.per_neuron(name, own_shape).reshape(shape) for name in _PARAMETERS}
    kind, voltage = _integrator(each["voltage_decay"], neuron.bias(own_shape).reshape(shape), dt)
    metadata = _stored_form(neuron) | ({} if shape == own_shape else {"shape": np.array(own_shape)})
    if not neuron.never_spikes:
        kind = f"{kind}F"
        voltage |= {"v_threshold": each["vth_mant"] / WEIGHT_UNIT, "v_reset": np.zeros(shape)}
    if np.all(each["current_decay"] == DECAY_UNITY):
        return None, getattr(nir, kind)(**voltage, metadata=metadata)
    current_kind, current = _integrator(each["current_decay"], np.zeros(shape, np.int64), dt)
    if current_kind == "I" or "tau" not in voltage:
        return getattr(nir, current_kind)(**current), getattr(nir, kind)(**voltage, metadata=metadata)
    names = {"tau_syn": current["tau"], "w_in": current["r"], "tau_mem": voltage.pop("tau")}
    return None, getattr(nir, f"Cuba{kind}")(**names, **voltage, metadata=metadata)


NEURON_NODES: Mapping[str, Callable[..., tuple[Any | None, Any]]] = {CubaLif.model: _cuba_nodes}
"""By neuron kind: (node of the current or None, node of the voltage)."""


def _integrator(decay: IntArray, bias: IntArray, dt: float) -> tuple[str, Numbers]:
    """NIR's type, without the threshold's F, and parameters of a state that decays and adds up its input."""
    if not np.any(decay):
        return "I", {"r": np.full(decay.shape, 1 / dt)}
    return "LI", {"tau": time_constant(decay, dt), "r": gain(decay), "v_leak": bias / decay}


def _stored_form(neuron: CubaLif) -> dict[str, Any]:
    """How the integers of the neurons are kept where that is not the form that the reader chooses by itself."""
    form: dict[str, Any] = {}
    if neuron.has_bias and neuron.bias_exp != 6:
        form["bias_exp"] = neuron.bias_exp
    for name in _PARAMETERS:
        values = np.asarray(getattr(neuron, name))
        if values.ndim == 3 and np.all(values == values[:, :1, :1]) and np.any(values != values.flat[0]):
            form[f"{name}_each"] = 1
    return form
