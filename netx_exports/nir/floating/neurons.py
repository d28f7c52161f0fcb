"""NIR's neuron nodes in real numbers, in a form for steps of explicit Euler."""

import numpy as np

from lapilli.netx_exports.nir.fields import Node, check_zero, each_neuron
from lapilli.netx_exports.nir.floating.graph import FloatNeurons
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.nir.neurons import PARAMETERS, NeuronNodes, said_to_subtract
from lapilli.netx_exports.synapses.kinds import Shape

State = tuple[Floats, Floats]
"""Share that a state loses in a step, and what an input of 1 adds."""

_ROUNDING = 1e-6
"""A time constant of one step may be a little less in single precision."""


def read_float_neurons(nodes: NeuronNodes, shape: Shape, dt: float) -> FloatNeurons | None:
    """The neurons of a layer, or None after reporting why not.

    Arguments:
        nodes: its nodes.
        shape: of the layer in the graph.
        dt: seconds in a step.
    """
    node = nodes.voltage
    names = PARAMETERS[node.kind]
    node.fields.refuse_unknown(names | {"type", "metadata"})
    cuba = node.kind.startswith("Cuba")
    current = _state(node, "tau_syn", "w_in", shape, dt) if cuba else _own_current(nodes.current, shape, dt)
    voltage = _state(node, "tau_mem" if cuba else "tau", "r", shape, dt)
    leak = _numbers(node, "v_leak", shape) if "v_leak" in names else np.zeros(shape)
    threshold = _numbers(node, "v_threshold", shape) if nodes.spikes else None
    # Older files have none, which nir reads as 0.
    reset = _numbers(node, "v_reset", shape) if node.fields.has("v_reset") else np.zeros(shape)
    has_current = cuba or nodes.current is not None
    if voltage is None or leak is None or (current is None and has_current):
        return None
    if nodes.spikes and (threshold is None or reset is None):
        return None
    decay, gain = (None, None) if current is None else current
    subtracts = any(said_to_subtract(node.fields))
    pull = voltage[0] * leak
    return FloatNeurons(decay, gain, *voltage, pull, threshold, reset if nodes.spikes else None, subtracts)


def _own_current(node: Node | None, shape: Shape, dt: float) -> State | None:
    """Of a current that is a node of its own."""
    if node is None:
        return None
    node.fields.refuse_unknown(PARAMETERS[node.kind] | {"type", "metadata"})
    if "v_leak" in PARAMETERS[node.kind]:
        check_zero(node.fields, "v_leak", dict.fromkeys(((), (1,), shape)), "to which a current decays here")
    return _state(node, "tau", "r", shape, dt)


def _state(node: Node, tau: str, gain: str, shape: Shape, dt: float) -> State | None:
    gains = _numbers(node, gain, shape)
    if tau not in PARAMETERS[node.kind]:
        return None if gains is None else (np.zeros(shape), _of_integrator(gains, dt))
    taus = _numbers(node, tau, shape)
    if taus is None or gains is None:
        return None
    if not np.all(taus > dt * (1 - _ROUNDING)):
        node.fields.unsupported(tau, f"must be at least dt = {dt:g} s, got {taus.min():g}")
        return None
    share = np.minimum(dt / taus, 1.0)
    return share, gains * share


def _of_integrator(gains: Floats, dt: float) -> Floats:
    """What an input of 1 adds in a step.

    NIR's equation makes it r dt, and our files are written so. Sinabs, snnTorch and Norse write r for what is added in
    a step: their r is 1, as of nobody who means the equation.
    """
    return np.where(np.isclose(gains * dt, 1), 1.0, gains)


def _numbers(node: Node, name: str, shape: Shape) -> Floats | None:
    numbers = each_neuron(node.fields, name, shape)
    return None if numbers is None else np.broadcast_to(numbers.values, shape)
