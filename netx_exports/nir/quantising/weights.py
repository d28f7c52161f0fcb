"""A connection in thresholds of the layer that it feeds, and its weights on the integer grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lapilli.netx_exports.nir.connections import Connection
from lapilli.netx_exports.nir.floating.graph import FloatConnection, FloatLayer
from lapilli.netx_exports.nir.floating.operations import Convolution, Delaying, Flattening, Linear, Operation, Pool
from lapilli.netx_exports.nir.meaning import Floats, Ints
from lapilli.netx_exports.nir.quantising.folding import Weighted, folded
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import ConvSynapse, IdentitySynapse, Shape, Synapse


@dataclass(frozen=True, eq=False)
class InThresholds:
    """A connection of which the pools are folded.

    Arguments:
        connection: in the graph.
        weighted: its one operation with weights, in the graph's units.
        weights: of it.
        gain: thresholds that a weight of 1 adds to the voltage in a step; of the shape of the weights, or of one that
            broadcasts to it.
        bias: what its bias adds to what arrives in each step, of the layer's shape.
        arriving: shape of what the weights give.
        shape: of what arrives at the layer, flattened or not.
        before, after: steps that delays take on each side of the weights.
    """

    connection: FloatConnection
    weighted: Weighted
    weights: Floats
    gain: Floats
    bias: Floats
    arriving: Shape
    shape: Shape
    before: Ints
    after: Ints

    @property
    def largest(self) -> float:
        """Largest magnitude of a weight, in thresholds."""
        return float(np.abs(self.weights * self.gain).max())

    def rounded(self, scale: float) -> Ints:
        """The weights as even integers, `scale` of which are a threshold."""
        return 2 * np.rint(self.weights * self.gain * scale / 2).astype(np.int64)

    def errors(self, scale: float) -> Floats:
        """By how much each weight changes, in the graph's units."""
        kept = self.gain != 0
        per_unit = np.where(kept, self.gain, 1.0) * scale
        return np.where(kept, np.abs(self.rounded(scale) / per_unit - self.weights), 0.0)

    def integer(self, scale: float) -> Connection:
        """The connection with integer weights."""
        synapse = _synapse(self.connection.source, self.weighted, self.rounded(scale))
        return Connection(self.connection.node, synapse, self.arriving, self.shape, self.before, self.after)


def in_thresholds(layer: FloatLayer, connection: FloatConnection, shape: Shape) -> InThresholds | None:
    """A connection of a layer in its thresholds, or None after reporting why it has no integer equivalent.

    Arguments:
        layer, connection: of a float network.
        shape: of the connection's source.
    """
    weighted = folded(connection.operations, shape)
    if isinstance(weighted, str):
        connection.node.unsupported(f"{connection.node.kind}: {weighted}")
        return None
    arriving = _arriving(connection.operations, shape)
    delays = _delays(connection.operations, shape)
    gain = _gain_of_weights(weighted, _gain(layer).reshape(arriving))
    if delays is None:
        connection.node.unsupported(f"{connection.node.kind}: has delays that differ beside a pool")
        return None
    if gain is None:
        reason = "feeds neurons of different thresholds or time constants, which must be one for each channel"
        connection.node.unsupported(f"{connection.node.kind}: {reason}")
        return None
    bias = np.zeros(arriving)
    if isinstance(weighted, (Linear, Convolution)):
        bias = bias + weighted.bias.reshape(-1, *(1,) * (len(arriving) - 1))
    weights = weighted.weight if isinstance(weighted, (Linear, Convolution)) else weighted.scale.flat[0].reshape(1)
    return InThresholds(connection, weighted, weights, gain, bias.reshape(layer.shape), arriving, layer.shape, *delays)


def _gain(layer: FloatLayer) -> Floats:
    """Thresholds that an input of 1 adds to the voltage in its own step."""
    neurons = layer.neurons
    gain = neurons.voltage_gain if neurons.current_gain is None else neurons.voltage_gain * neurons.current_gain
    return gain if neurons.threshold is None else gain / neurons.threshold


def _gain_of_weights(weighted: Weighted, gain: Floats) -> Floats | None:
    """Of each row of weights, or None where a weight would need several."""
    if isinstance(weighted, Linear):
        return gain.reshape(-1, 1)
    rows = gain.reshape(len(gain), -1) if isinstance(weighted, Convolution) else gain.reshape(1, -1)
    if np.any(rows != rows[:, :1]):
        return None
    return rows[:, 0].reshape(-1, 1, 1, 1) if isinstance(weighted, Convolution) else rows[:, 0]


def _arriving(operations: Sequence[Operation], shape: Shape) -> Shape:
    """Shape of what the weights give, flattened or not behind them."""
    for operation in operations:
        if not (isinstance(operation, Flattening) and not _dense_follows(operations, operation)):
            shape = operation.output_shape(shape)
    return shape


def _dense_follows(operations: Sequence[Operation], flattening: Operation) -> bool:
    place = next(number for number, one in enumerate(operations) if one is flattening)
    return any(isinstance(one, Linear) for one in operations[place:])


def _delays(operations: Sequence[Operation], shape: Shape) -> tuple[Ints, Ints] | None:
    """Steps before and behind the weights, one for all or one for each neuron there; None where pools mix them."""
    sides: list[Ints] = [np.zeros((), np.int64), np.zeros((), np.int64)]
    mixed = any(isinstance(one, Pool) for one in operations)
    behind = 0
    for operation in operations:
        if isinstance(operation, Delaying):
            same = not np.ptp(operation.steps)
            if mixed and not same:
                return None
            sides[behind] = sides[behind] + (operation.steps.flat[0] if same else operation.steps)
        elif isinstance(operation, Flattening):
            sides[behind] = sides[behind].reshape(-1) if sides[behind].ndim > 1 else sides[behind]
        elif not isinstance(operation, Pool):
            behind = 1
    return np.asarray(sides[0]), np.asarray(sides[1])


def _synapse(source: str, weighted: Weighted, weights: Ints) -> Synapse:
    if isinstance(weighted, Linear):
        return lossless_dense(source, weights)
    if isinstance(weighted, Convolution):
        geometry = (weighted.stride, weighted.padding, weighted.dilation, weighted.groups)
        return ConvSynapse(source, weights, *geometry)
    return IdentitySynapse(source, int(weights.flat[0]))
