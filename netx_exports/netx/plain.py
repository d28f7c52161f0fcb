"""The plain NetX layout, as lava-dl's exporter writes it and its reader understands it: the groups under `/layer`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.netx.plain_neurons import is_complex, read_encoder, read_neuron
from lapilli.netx_exports.netx.plain_parts import (
    read_bias,
    read_conv_delays,
    read_conv_weights,
    read_count,
    read_dense_delays,
    read_dense_weights,
    read_own_delays,
    read_pair,
    read_shape,
)
from lapilli.netx_exports.neurons.kinds import Neuron
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    MAX_DELAY,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    Shape,
    Synapse,
)

MAX_LAYERS = 4096

LAYER_NAMES = {"input": "encoder", "conv": "conv", "dense": "dense", "dense_rec": "recurrent"}
"""Default names of layers: these, followed by the number of the layer, counted from 1 ("conv1", "dense2")."""

_UNSUPPORTED_TYPES = {"pool", "convT", "unpool", "concat", "kwta", "dense_comp", "average"}
_DENSE_FIELDS = {"type", "shape", "inFeatures", "outFeatures", "weight", "bias", "delay", "neuron"}
_CONV_FIELDS = {"type", "shape", "inChannels", "outChannels", "kernelSize", "weight", "bias", "delay", "neuron"}
_CONV_GEOMETRY = {"stride", "padding", "dilation", "groups"}


@dataclass
class Chain:
    """The network as read so far.

    Arguments:
        problems: what is wrong with it.
        input_shape: shape of the input; None until something in the file tells it.
        names: names of the layers where the file gives them.
        shape: shape of what the next layer reads; None where a problem hides it.
        source: name of what the next layer reads.
        flat: whether a flatten group came after `source`.
        n_layers: layers so far, those with problems included.
        layers: layers without problems.
        block_types: type of every group, in order.
        metadata: what else the file says.
    """

    problems: Problems
    input_shape: Shape | None
    names: tuple[str, ...] = ()
    shape: Shape | None = None
    source: str = INPUT
    flat: bool = False
    n_layers: int = 0
    layers: list[Layer] = field(default_factory=list)
    block_types: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shape = self.input_shape

    def add(self, kind: str, shape: Shape | None, neuron: Neuron | None, synapses: list[Synapse | None]) -> None:
        """Append a layer, or only its shape where parts of it could not be read."""
        name = self.next_name(kind)
        self.n_layers += 1
        complete = tuple(synapse for synapse in synapses if synapse is not None)
        if shape is not None and neuron is not None and len(complete) == len(synapses):
            self.layers.append(Layer(name, shape, neuron, complete))
        self.source, self.shape, self.flat = name, shape, False

    def lose(self) -> None:
        """Go on behind a layer that could not be read: what follows is checked on its own only."""
        self.source, self.shape, self.flat = "?", None, False

    def next_name(self, kind: str) -> str:
        """Name of the layer that is added next."""
        number = self.n_layers
        return self.names[number] if number < len(self.names) else f"{LAYER_NAMES[kind]}{number + 1}"


def read_plain(layer_group: Fields, chain: Chain) -> None:
    """Read all groups under `/layer` into `chain`."""
    names = layer_group.group.names()
    if not names or len(names) > MAX_LAYERS:
        layer_group.problems.wrong.append(f"`layer`: must hold 1…{MAX_LAYERS} layers, got {len(names)}")
        return
    expected = [str(number) for number in range(len(names))]
    for name in sorted(names - {*expected}):
        layer_group.wrong(name, f"layers must be numbered 0…{len(names) - 1}")
    for name in expected:
        fields = layer_group.child(name)
        kind = None if fields is None else fields.word("type")
        if fields is None or kind is None:
            chain.lose()
            continue
        chain.block_types.append(kind)
        if kind in _READERS and (kind != "input" or name == "0"):
            _READERS[kind](fields, chain)
        elif kind == "average" and name == expected[-1]:
            _read_average(fields, chain)
        else:
            _refuse_type(fields, kind)
            chain.lose()


def _refuse_type(fields: Fields, kind: str) -> None:
    if kind == "input":
        fields.wrong("type", "an input group must be the first")
    elif kind in _UNSUPPORTED_TYPES:
        fields.unsupported("type", f"layers of type {kind!r} are not run by this release")
    else:
        fields.wrong("type", f"must be one of {', '.join(sorted(_READERS))}, got {kind!r}")


def _read_input(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown({"type", "shape", "neuron", "weight", "bias"})
    shape = read_shape(fields) if fields.has("shape") else None
    if shape is not None and chain.input_shape is None:
        chain.input_shape = chain.shape = shape
    if shape is not None and chain.input_shape is not None and prod(chain.input_shape) != prod(shape):
        fields.wrong("shape", f"must hold as many neurons as the input shape {chain.input_shape}, got {shape}")
    chain.metadata["netx_transform"] = [name for name in ("weight", "bias") if fields.has(name)]
    if not fields.has("neuron"):
        return
    if chain.shape is None and not fields.has("shape"):
        fields.wrong("shape", "missing")
    neuron = read_encoder(fields, chain.shape)
    scale = fields.integer("weight", low=-256, high=255) if fields.has("weight") else 64
    offset = fields.integer("bias", low=-256, high=255) if fields.has("bias") else 0
    synapse = None if scale is None or offset is None else DirectSynapse(INPUT, scale, offset)
    chain.add("input", chain.shape, neuron, [synapse])


def _read_flatten(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown({"type", "shape"})
    shape = fields.shape() if fields.has("shape") else None
    if shape is not None and chain.shape is not None and prod(shape) != prod(chain.shape):
        fields.wrong("shape", f"must hold the {prod(chain.shape)} neurons of {chain.source!r}, got {shape}")
    chain.flat = True


def _read_average(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown({"type", "shape"})
    shape = fields.shape()
    if shape is None:
        return
    if chain.shape is not None and prod(chain.shape) % prod(shape):
        fields.wrong("shape", f"must divide the {prod(chain.shape)} neurons of {chain.source!r}, got {shape}")
        return
    # Averaging groups of output neurons is arithmetic of the host, behind the network.
    chain.metadata["average_outputs"] = prod(shape)


def _read_dense(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown(_DENSE_FIELDS)
    shape = read_shape(fields)
    bias = read_bias(fields, shape)
    synapses: list[Synapse | None] = (
        _complex_synapses(fields, chain, shape, bias)
        if is_complex(fields)
        else [*_forward_synapses(fields, fields, ("weight",), chain, shape, bias)]
    )
    chain.add("dense", shape, read_neuron(fields, shape, bias), synapses)


def _complex_synapses(fields: Fields, chain: Chain, shape: Shape | None, bias: IntArray | None) -> list[Synapse | None]:
    weights = fields.child("weight")
    if weights is None:
        return [None]
    weights.refuse_unknown({"real", "imag"})
    real, imag = _forward_synapses(fields, weights, ("real", "imag"), chain, shape, bias)
    return [real, None if imag is None else replace(imag, port="imag")]


def _forward_synapses(
    fields: Fields, holder: Fields, names: Sequence[str], chain: Chain, shape: Shape | None, bias: IntArray | None
) -> list[DenseSynapse | None]:
    """Synapses with the weights `names` of `holder`, a group in `fields` or itself; they share counts and delays."""
    each = [_forward_weights(holder, name, chain, shape) for name in names]
    known = next((weights for weights in each if weights is not None), None)
    _check_counts(fields, chain, known)
    delays = read_dense_delays(fields, known, bias)
    return [
        None if weights is None or delays is None else lossless_dense(chain.source, weights, delays) for weights in each
    ]


def _read_recurrent(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown({*_DENSE_FIELDS, "weight_rec", "delay_rec"})
    shape = read_shape(fields)
    forward = _forward_weights(fields, "weight", chain, shape)
    _check_counts(fields, chain, forward)
    backward = read_dense_weights(fields, "weight_rec", shape)
    if backward is not None and backward.shape[0] != backward.shape[1]:
        fields.wrong(
            "weight_rec", f"must have {backward.shape[0]} columns, one for each neuron, got {backward.shape[1]}"
        )
    delays, delays_rec = _recurrent_delays(fields, forward, backward)
    bias = read_bias(fields, shape)
    if bias is not None and np.any(bias):
        fields.unsupported(
            "bias",
            "recurrence with a bias has no one meaning: SLAYER lets it decay with the current, lava-dl does not",
        )
    synapses: list[Synapse | None] = [
        _delayed_dense(chain.source, forward, delays),
        _delayed_dense(chain.next_name("dense_rec"), backward, delays_rec),
    ]
    chain.add("dense_rec", shape, read_neuron(fields, shape, bias), synapses)


def _recurrent_delays(
    fields: Fields, forward: IntArray | None, backward: IntArray | None
) -> tuple[IntArray | None, IntArray | None]:
    """Delays of the synapse from the source and of the layer's own, where the file tells them apart."""
    if not fields.has("delay_rec"):
        delays = fields.integers("delay", low=0, high=MAX_DELAY) if fields.has("delay") else None
        if delays is not None and np.any(delays):
            fields.unsupported(
                "delay",
                "recurrence with delays has no one meaning without delay_rec: "
                "SLAYER delays what leaves the layer, lava-dl both synapses",
            )
        return np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int16)
    return read_own_delays(fields, "delay", forward), read_own_delays(fields, "delay_rec", backward)


def _delayed_dense(source: str, weights: IntArray | None, delays: IntArray | None) -> Synapse | None:
    return None if weights is None or delays is None else lossless_dense(source, weights, delays)


def _read_conv(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown(_CONV_FIELDS | _CONV_GEOMETRY)
    shape = read_shape(fields, (3,))
    weights = read_conv_weights(fields)
    stride, padding, dilation = (
        read_pair(fields, "stride", 1),
        read_pair(fields, "padding", 0),
        read_pair(fields, "dilation", 1),
    )
    groups = fields.integer("groups", low=1, high=127)
    bias = read_bias(fields, shape)
    delays = read_conv_delays(fields, shape, bias)
    if not fields.has("neuron"):
        fields.wrong("neuron", "missing")
    neuron = read_neuron(fields, shape, bias)
    if weights is None or not stride or not padding or not dilation or groups is None or delays is None:
        chain.add("conv", shape, neuron, [None])
        return
    read_count(fields, "outChannels", {weights.shape[0]})
    read_count(fields, "inChannels", {weights.shape[1] * groups})
    synapse = ConvSynapse(chain.source, weights, stride, padding, dilation, groups, delays)
    fits = _check_convolution(fields, chain, synapse, shape)
    chain.add("conv", shape, neuron, [synapse])
    if not fits:
        chain.lose()


_READERS: Mapping[str, Callable[[Fields, Chain], None]] = {
    "input": _read_input,
    "flatten": _read_flatten,
    "dense": _read_dense,
    "dense_rec": _read_recurrent,
    "conv": _read_conv,
}


def _forward_weights(holder: Fields, name: str, chain: Chain, shape: Shape | None) -> IntArray | None:
    weights = read_dense_weights(holder, name, shape)
    if weights is None:
        return None
    n_in = weights.shape[1]
    if chain.input_shape is None and chain.source == INPUT:
        chain.input_shape = chain.shape = (n_in,)
    if chain.shape is not None and prod(chain.shape) != n_in:
        expected = f"{prod(chain.shape)} columns, one for each neuron of {chain.source!r}"
        holder.wrong(name, f"must have {expected}, got {n_in}")
    return weights


def _check_counts(fields: Fields, chain: Chain, weights: IntArray | None) -> None:
    if weights is not None:
        n_out, n_in = weights.shape
        read_count(fields, "outFeatures", {n_out})
        # SLAYER counts channels where its dense block reads images.
        read_count(fields, "inFeatures", {n_in, *(chain.shape or ())[:1]})


def _check_convolution(fields: Fields, chain: Chain, synapse: ConvSynapse, shape: Shape | None) -> bool:
    """Report what does not fit between source, convolution and shape; False where the shape cannot be relied on."""
    if chain.source == INPUT and chain.input_shape is None:
        fields.wrong("shape", "the shape of the input is not in the file; pass input_shape=(C, H, W)")
        return True
    if chain.shape is None or shape is None:
        return True
    if chain.flat or len(chain.shape) != 3:
        flattened = "flattened " if chain.flat else ""
        fields.wrong("type", f"a convolution cannot read the {flattened}{chain.shape} of {chain.source!r}")
        return True
    phrases = synapse.problems(chain.shape, shape)
    for phrase in phrases:
        name, _, rest = phrase.partition(": ")
        fields.wrong({"weights": "weight"}.get(name, name), rest)
    return not phrases
