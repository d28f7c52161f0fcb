"""NIR's neuron nodes as `CubaLif`: of the voltage, and where the current is a node of its own, of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, LARGEST_THRESHOLD, NEVER_SPIKES, CubaLif
from lapilli.netx_exports.nir.fields import Node, biases, check_gain, check_zero, decays, each_neuron, multiples
from lapilli.netx_exports.nir.meaning import WEIGHT_UNIT, Ints
from lapilli.netx_exports.synapses.kinds import Shape

_LEAKY = {"tau", "r", "v_leak"}
_CUBA = {"tau_syn", "tau_mem", "r", "v_leak", "w_in"}
_SPIKING = {"v_threshold", "v_reset"}

PARAMETERS = {
    "CubaLIF": _CUBA | _SPIKING,
    "CubaLI": _CUBA,
    "LIF": _LEAKY | _SPIKING,
    "LI": _LEAKY,
    "IF": {"r"} | _SPIKING,
    "I": {"r"},
}
"""NIR's neurons that have a meaning here, with their parameters."""

CURRENTS = {"LI", "I"}
"""Those that can be the current of another neuron's voltage."""

_LARGEST_BIAS = 1 << 22
"""-2^15 << 7."""

_BIAS_EXPONENTS = (6, 5, 4, 3, 2, 1, 0, 7)
"""Where metadata names none: NetX's own first."""


@dataclass(frozen=True)
class NeuronNodes:
    """The nodes of one layer's neurons.

    Arguments:
        voltage: the node that spikes or is read, whose name is the layer's.
        current: the node before it, None where the voltage's has the current or the input is the current.
    """

    voltage: Node
    current: Node | None = None

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.voltage.name

    @property
    def spikes(self) -> bool:
        """Whether there is a threshold."""
        return self.voltage.kind.endswith("F")


def read_neurons(nodes: NeuronNodes, shape: Shape, folded: Shape, dt: float) -> CubaLif | None:
    """The neurons of a layer, or None after reporting why not.

    Arguments:
        nodes: its nodes.
        shape: of the layer in the graph.
        folded: of the layer here, of as many neurons.
        dt: seconds in a step.
    """
    kind, fields = nodes.voltage.kind, nodes.voltage.fields
    fields.refuse_unknown(PARAMETERS[kind] | {"type", "metadata"})
    _check_reset(nodes)
    current_decay = _current_decay(nodes, shape, dt)
    voltage_decay = _decay(nodes.voltage, "tau_mem" if kind.startswith("Cuba") else "tau", "r", shape, dt)
    bias: Ints | None = np.zeros((), np.int64)
    if "v_leak" in PARAMETERS[kind] and voltage_decay is not None:
        bias = biases(fields, "v_leak", shape, voltage_decay, _LARGEST_BIAS)
    threshold: Ints | None = np.array(NEVER_SPIKES)
    if nodes.spikes:
        numbers = each_neuron(fields, "v_threshold", shape)
        threshold = multiples(fields, "v_threshold", numbers, WEIGHT_UNIT, 0, LARGEST_THRESHOLD)
        # Older files have none, which nir reads as 0.
        if fields.has("v_reset"):
            check_zero(fields, "v_reset", [(), (1,), shape], "to which the voltage returns here")
    if current_decay is None or voltage_decay is None or bias is None or threshold is None:
        return None
    parameters = {
        "vth_mant": threshold,
        "current_decay": current_decay,
        "voltage_decay": voltage_decay,
        "bias_mant": bias,
    }
    return _compact(fields, {name: _folded(values, folded) for name, values in parameters.items()})


def _check_reset(nodes: NeuronNodes) -> None:
    """Refuse neurons of which metadata say that they subtract the threshold; the graph itself has no word for it."""
    for name in said_to_subtract(nodes.voltage.fields):
        nodes.voltage.fields.unsupported(
            f"metadata/{name}", "a reset by subtraction is another neuron: here the voltage becomes 0"
        )


def said_to_subtract(fields: Fields) -> list[str]:
    """Names of metadata of a node that say that a spike takes the threshold off the voltage."""
    form = fields.group.groups.get("metadata")
    said = {} if form is None else form.datasets
    return [
        name
        for name, value in said.items()
        if "reset" in name and isinstance(value, bytes) and b"subtract" in value.lower()
    ]


def _current_decay(nodes: NeuronNodes, shape: Shape, dt: float) -> Ints | None:
    if nodes.voltage.kind.startswith("Cuba"):
        return _decay(nodes.voltage, "tau_syn", "w_in", shape, dt)
    if nodes.current is None:
        return np.array(DECAY_UNITY)
    parameters = PARAMETERS[nodes.current.kind]
    nodes.current.fields.refuse_unknown(parameters | {"type", "metadata"})
    if "v_leak" in parameters:
        check_zero(nodes.current.fields, "v_leak", [(), (1,), shape], "to which a current decays here")
    return _decay(nodes.current, "tau", "r", shape, dt)


def _decay(node: Node, tau: str, gain: str, shape: Shape, dt: float) -> Ints | None:
    decay = decays(node.fields, tau, shape, dt) if tau in PARAMETERS[node.kind] else np.array(0)
    if decay is not None:
        check_gain(node.fields, gain, shape, decay, dt)
    return decay


def _folded(values: Ints, shape: Shape) -> Ints:
    return values.reshape(shape) if values.size == prod(shape) else values


def _compact(voltage: Fields, parameters: Mapping[str, Ints]) -> CubaLif | None:
    """In the form that the node's metadata names, else in the one with the fewest numbers."""
    form = voltage.child("metadata") if voltage.has("metadata") else None
    exponent = _bias_exponent(voltage, form, parameters["bias_mant"])
    if exponent is None:
        return None
    mantissas = {**parameters, "bias_mant": parameters["bias_mant"] >> exponent}
    return CubaLif(**{name: _shortest(form, name, values) for name, values in mantissas.items()}, bias_exp=exponent)


def _shortest(form: Fields | None, name: str, values: Ints) -> IntArray:
    if np.all(values == values.flat[0]):
        return values.reshape(-1)[0]
    each = form is not None and form.has(f"{name}_each")
    if values.ndim == 3 and not each and np.all(values == values[:, :1, :1]):
        return np.array(values[:, 0, 0])
    return values


def _bias_exponent(voltage: Fields, form: Fields | None, bias: Ints) -> int | None:
    choices: tuple[int, ...] = _BIAS_EXPONENTS
    if form is not None and form.has("bias_exp"):
        said = form.integer("bias_exp", low=0, high=7)
        if said is None:
            return None
        choices = (said,)
    for exponent in choices:
        mantissa = bias >> exponent
        if np.all(mantissa << exponent == bias) and mantissa.min() >= -(1 << 15) and mantissa.max() < 1 << 15:
            return exponent
    power = f"2**{choices[0]}" if len(choices) == 1 else "one power of 2 up to 2**7"
    voltage.unsupported("v_leak", f"must say biases of 16 bits times {power}")
    return None
