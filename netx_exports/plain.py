"""The plain NetX layout as lava-dl's exporter writes it and its reader understands it: groups under `/layer` to layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from netx_exports.arrays import IntArray
from netx_exports.fields import Fields
from netx_exports.fitting import lossless_dense
from netx_exports.network import Layer, Network
from netx_exports.neurons import DECAY_UNITY, CubaLif
from netx_exports.problems import Problems
from netx_exports.synapses import INPUT, MAX_DELAY, ConvSynapse, DenseSynapse, DirectSynapse, Shape, Synapse

MAX_LAYERS = 4096

STOCK_DEFAULT_NEURON = CubaLif(vth_mant=1 << 17, current_decay=0, voltage_decay=DECAY_UNITY)
"""What lava-dl runs for a dense layer without neuron. Its source says `1 << 18 - 1`, which is 2^17: that is what runs."""

LAYER_NAMES = {"input": "encoder", "conv": "conv", "dense": "dense", "dense_rec": "recurrent"}
"""Default names of layers: these, followed by the number of the layer, counted from 1 ("conv1", "dense2")."""

_UNSUPPORTED_LAYERS = {"pool", "convT", "unpool", "concat", "kwta", "dense_comp", "average"}
_UNSUPPORTED_NEURONS = {"SDNN", "RF_PHASE", "RF_IZHIKEVICH", "ALIF", "ADRF_PHASE", "ADRF_IZHIKEVICH"}

# Hints of the training that older versions of SLAYER left in the file; nothing reads them.
_NEURON_HINTS = {"scaleRho", "tauRho", "theta"}
_NEURON_FIELDS = {
    "type",
    "iDecay",
    "vDecay",
    "vThMant",
    "refDelay",
    "gradedSpike",
    "wgtExp",
    "weight_exp",
    *_NEURON_HINTS,
}
_DENSE_FIELDS = {"type", "shape", "inFeatures", "outFeatures", "weight", "bias", "delay", "neuron"}
_CONV_GEOMETRY = {"stride", "padding", "dilation", "groups"}
_CONV_FIELDS = {"type", "shape", "inChannels", "outChannels", "kernelSize", "weight", "bias", "delay", "neuron"}


@dataclass
class Chain:
    """The network as read so far.

    Arguments:
        problems: what is wrong with it.
        input_shape: shape of the input; None until something in the file tells it.
        names: names of the layers where the file gives them.
        shape: shape of what the next layer reads; None where a problem hides it.
        layers: finished layers.
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

    def add(self, kind: str, shape: Shape | None, neuron: CubaLif | None, synapses: list[Synapse | None]) -> None:
        """Append a layer, or only its shape where parts of it could not be read."""
        name = self.next_name(kind)
        self.n_layers += 1
        complete = [synapse for synapse in synapses if synapse is not None]
        if shape is not None and neuron is not None and len(complete) == len(synapses):
            self.layers.append(Layer(name, shape, neuron, tuple(complete)))
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
    if not names:
        layer_group.problems.wrong.append("`layer`: holds no layers")
    if len(names) > MAX_LAYERS:
        layer_group.problems.wrong.append(f"`layer`: at most {MAX_LAYERS} layers, got {len(names)}")
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
    elif kind in _UNSUPPORTED_LAYERS:
        fields.unsupported("type", f"layers of type {kind!r} are not run by this release")
    else:
        fields.wrong("type", f"must be one of {', '.join(sorted(_READERS))}, got {kind!r}")


def _read_input(fields: Fields, chain: Chain) -> None:
    shape = fields.shape() if fields.has("shape") else None
    if shape is not None and len(shape) not in (1, 3):
        fields.wrong("shape", f"must be (N,) or (C, H, W), got {shape}")
        shape = None
    if shape is not None:
        if chain.input_shape is None:
            chain.input_shape = shape
        elif prod(chain.input_shape) != prod(shape):
            fields.wrong("shape", f"must hold as many neurons as the input shape {chain.input_shape}, got {shape}")
        chain.shape = chain.input_shape
    fields.refuse_unknown({"type", "shape", "neuron", "weight", "bias"})
    chain.metadata["netx_transform"] = [name for name in ("weight", "bias") if fields.has(name)]
    if not fields.has("neuron"):
        return
    neuron_fields = fields.child("neuron")
    neuron = None if neuron_fields is None else _read_neuron(neuron_fields, chain.shape, 0)
    scale = fields.integer("weight", low=-256, high=255) if fields.has("weight") else 64
    offset = fields.integer("bias", low=-256, high=255) if fields.has("bias") else 0
    if chain.shape is None:
        fields.problems.wrong.append(f"{fields.group.at('shape')}: missing")
    complete = scale is not None and offset is not None
    synapse = DirectSynapse(INPUT, scale or 0, offset or 0) if complete else None
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
    # Averaging groups of output neurons is arithmetic of the host, after the network.
    chain.metadata["average_outputs"] = prod(shape)


def _read_dense(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown(_DENSE_FIELDS)
    shape = _neuron_shape(fields)
    weights = _dense_weights(fields, "weight", shape)
    if weights is not None:
        _check_source(fields, chain, weights)
        _check_count(fields, "outFeatures", {weights.shape[0]})
        _check_count(fields, "inFeatures", {weights.shape[1], (chain.shape or (0,))[0]})
    bias = _read_bias(fields, shape)
    delays = _dense_delays(fields, weights, bias)
    synapse = None if weights is None or delays is None else lossless_dense(chain.source, weights, delays)
    chain.add("dense", shape, _layer_neuron(fields, shape, bias, STOCK_DEFAULT_NEURON), [synapse])


def _read_recurrent(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown({*_DENSE_FIELDS, "weight_rec"})
    shape = _neuron_shape(fields)
    forward = _dense_weights(fields, "weight", shape)
    backward = _dense_weights(fields, "weight_rec", shape)
    if forward is not None:
        _check_source(fields, chain, forward)
        _check_count(fields, "outFeatures", {forward.shape[0]})
        _check_count(fields, "inFeatures", {forward.shape[1], (chain.shape or (0,))[0]})
    if backward is not None and shape is not None and backward.shape != (prod(shape),) * 2:
        fields.wrong("weight_rec", f"must have shape {(prod(shape),) * 2}, got {backward.shape}")
        backward = None
    delays = fields.integers("delay", low=0, high=MAX_DELAY) if fields.has("delay") else None
    if delays is not None and np.any(delays):
        fields.unsupported(
            "delay",
            "recurrence with delays has no one meaning: SLAYER delays what leaves the layer, lava-dl both synapses",
        )
    neuron = _layer_neuron(fields, shape, _read_bias(fields, shape), STOCK_DEFAULT_NEURON)
    if neuron is not None and neuron.has_bias:
        fields.unsupported(
            "bias", "recurrence with a bias has no one meaning: SLAYER adds it to the current that it carries over"
        )
    synapses: list[Synapse | None] = [
        None if forward is None else lossless_dense(chain.source, forward),
        None if backward is None else lossless_dense(chain.next_name("dense_rec"), backward),
    ]
    chain.add("dense_rec", shape, neuron, synapses)


def _read_conv(fields: Fields, chain: Chain) -> None:
    fields.refuse_unknown(_CONV_FIELDS | _CONV_GEOMETRY)
    shape = fields.shape()
    if shape is not None and len(shape) != 3:
        fields.wrong("shape", f"must be (C, H, W), got {shape}")
        shape = None
    weights = _conv_weights(fields)
    geometry = {name: _pair(fields, name, low) for name, low in (("stride", 1), ("padding", 0), ("dilation", 1))}
    groups = fields.integer("groups", low=1, high=127)
    bias = _read_bias(fields, shape)
    delays = _conv_delays(fields, shape, bias)
    synapse = None
    if weights is not None and groups is not None and delays is not None and all(geometry.values()):
        synapse = ConvSynapse(chain.source, weights, groups=groups, delays=delays, **geometry)  # type: ignore[arg-type]
        _check_count(fields, "outChannels", {weights.shape[0]})
        _check_count(fields, "inChannels", {weights.shape[1] * groups})
        _check_conv_source(fields, chain, synapse, shape)
    neuron_fields = fields.child("neuron")
    neuron = None if neuron_fields is None else _read_neuron(neuron_fields, shape, bias)
    expected = None if synapse is None or chain.shape is None else synapse.output_shape(chain.shape)
    chain.add("conv", shape, neuron, [synapse])
    if expected != shape:
        chain.lose()


_READERS: Mapping[str, Callable[[Fields, Chain], None]] = {
    "input": _read_input,
    "flatten": _read_flatten,
    "dense": _read_dense,
    "dense_rec": _read_recurrent,
    "conv": _read_conv,
}


def _neuron_shape(fields: Fields) -> Shape | None:
    shape = fields.shape()
    if shape is not None and len(shape) not in (1, 3):
        fields.wrong("shape", f"must be (N,) or (C, H, W), got {shape}")
        return None
    return shape


def _dense_weights(fields: Fields, name: str, shape: Shape | None) -> IntArray | None:
    if name in fields.group.groups:
        fields.unsupported(name, "complex weights are not run by this release")
        return None
    weights = fields.integers(name, low=-256, high=255, dtype=np.int16)
    if weights is None or shape is None:
        return None
    if weights.size % prod(shape) or (weights.ndim > 1 and weights.shape[0] != prod(shape)):
        fields.wrong(name, f"must have {prod(shape)} rows, one for each neuron, got shape {weights.shape}")
        return None
    return weights.reshape(prod(shape), -1)


def _conv_weights(fields: Fields) -> IntArray | None:
    if "weight" in fields.group.groups:
        fields.unsupported("weight", "complex weights are not run by this release")
        return None
    weights = fields.integers("weight", low=-256, high=255, dtype=np.int16, ndim=(4, 5))
    if weights is None:
        return None
    if weights.ndim == 5 and weights.shape[4] != 1:
        fields.wrong("weight", f"must be (out, in / groups, height, width), got shape {weights.shape}")
        return None
    weights = weights.reshape(weights.shape[:4])
    kernel = fields.integers("kernelSize") if fields.has("kernelSize") else None
    if kernel is not None and not np.all(kernel == weights.shape[2:]):
        fields.wrong("kernelSize", f"must be {weights.shape[2:]} as the weights are, got {kernel.tolist()}")
    return weights


def _pair(fields: Fields, name: str, low: int) -> tuple[int, int] | None:
    numbers = fields.integers(name, low=low, high=127, ndim=(0, 1))
    if numbers is None:
        return None
    if numbers.size not in (1, 2):
        fields.wrong(name, f"must be (height, width), got shape {numbers.shape}")
        return None
    return int(numbers.flat[0]), int(numbers.flat[numbers.size - 1])


def _check_source(fields: Fields, chain: Chain, weights: IntArray) -> None:
    if chain.input_shape is None and chain.source == INPUT:
        chain.input_shape = chain.shape = (weights.shape[1],)
    if chain.shape is not None and prod(chain.shape) != weights.shape[1]:
        fields.wrong(
            "weight",
            f"must have {prod(chain.shape)} columns, one for each neuron of {chain.source!r}, got {weights.shape[1]}",
        )


def _check_conv_source(fields: Fields, chain: Chain, synapse: ConvSynapse, shape: Shape | None) -> None:
    if chain.source == INPUT and chain.shape is None and chain.input_shape is None:
        fields.wrong("shape", "the input's shape is not in the file; pass input_shape=(C, H, W)")
        return
    if chain.flat:
        fields.wrong("type", "a convolution cannot read a flattened layer")
        return
    if chain.shape is None or shape is None:
        return
    if len(chain.shape) != 3:
        fields.wrong("type", f"a convolution cannot read {chain.source!r} of shape {chain.shape}")
        return
    for problem in synapse.problems(chain.shape, shape):
        name, _, phrase = problem.partition(": ")
        fields.wrong({"weights": "weight", "source": "type"}.get(name, name), phrase)


def _check_count(fields: Fields, name: str, allowed: set[int]) -> None:
    if not fields.has(name):
        return
    found = fields.integer(name)
    if found is not None and found not in allowed:
        fields.wrong(name, f"must be {' or '.join(map(str, sorted(allowed - {0})))} as the weights say, got {found}")


def _read_bias(fields: Fields, shape: Shape | None) -> IntArray | int | None:
    if not fields.has("bias"):
        return 0
    bias = fields.integers("bias", low=-(1 << 15), high=(1 << 15) - 1, dtype=np.int32)
    if bias is None or shape is None:
        return None
    if len(shape) == 3 and bias.ndim == 3 and bias.shape == shape[::-1] and prod(shape[1:]) > 1:
        # The one array of the format that lava-dl reads as (W, H, C).
        return bias.transpose(2, 1, 0)
    if bias.size == 1:
        return bias.reshape(bias.shape[:1])
    if bias.ndim != 1 or bias.size != shape[0]:
        fields.wrong("bias", f"must be one number, or one for each of {shape[0]} channels, got shape {bias.shape}")
        return None
    return bias


def _dense_delays(fields: Fields, weights: IntArray | None, bias: IntArray | int | None) -> IntArray | None:
    if not fields.has("delay"):
        return np.zeros((1, 1), np.int16)
    delays = fields.integers("delay", low=0, high=MAX_DELAY, dtype=np.int16, ndim=(0, 1, 2))
    if delays is None or weights is None:
        return None
    n_out, n_in = weights.shape
    if delays.shape in {(), (n_out,)}:
        if np.any(delays) and np.any(bias):
            fields.unsupported("delay", _DELAY_AND_BIAS)
        return delays.reshape(-1, 1)
    if delays.shape == (n_in,):
        return delays.reshape(1, -1)
    if delays.shape != (n_out, n_in):
        fields.wrong("delay", f"must have shape ({n_out},), ({n_in},) or ({n_out}, {n_in}), got {delays.shape}")
        return None
    return delays


def _conv_delays(fields: Fields, shape: Shape | None, bias: IntArray | int | None) -> IntArray | None:
    if not fields.has("delay"):
        return np.zeros(1, np.int16)
    delays = fields.integers("delay", low=0, high=MAX_DELAY, dtype=np.int16, ndim=(0, 1))
    if delays is None or shape is None:
        return None
    if np.any(delays) and np.any(bias):
        fields.unsupported("delay", _DELAY_AND_BIAS)
    if delays.size not in (1, shape[0]):
        fields.wrong("delay", f"must be one for each of {shape[0]} channels, got shape {delays.shape}")
        return None
    return delays.reshape(-1)


_DELAY_AND_BIAS = (
    "delays of a layer with a bias have no one meaning: SLAYER delays what leaves the layer, lava-dl what enters it"
)


def _layer_neuron(fields: Fields, shape: Shape | None, bias: IntArray | int | None, default: CubaLif) -> CubaLif | None:
    if fields.has("neuron"):
        neuron_fields = fields.child("neuron")
        return None if neuron_fields is None else _read_neuron(neuron_fields, shape, bias)
    if bias is None:
        return None
    return CubaLif(default.vth_mant, default.current_decay, default.voltage_decay, bias)


def _read_neuron(fields: Fields, shape: Shape | None, bias: IntArray | int | None) -> CubaLif | None:
    kind = fields.word("type")
    if kind in _UNSUPPORTED_NEURONS or (kind is not None and "RF" in kind):
        fields.unsupported("type", f"neurons of type {kind!r} are not run by this release")
        return None
    if kind is not None and kind not in ("CUBA", "LOIHI"):
        fields.wrong("type", f"must be CUBA or LOIHI, got {kind!r}")
        return None
    fields.refuse_unknown(_NEURON_FIELDS)
    _refuse_dropped(fields)
    channels = (1,) if shape is None else (1, shape[0])
    decays = {}
    for name in ("iDecay", "vDecay"):
        decays[name] = fields.integers(name, low=0, high=DECAY_UNITY, dtype=np.int32, ndim=(0, 1))
        if decays[name] is not None and shape is not None and decays[name].size not in channels:
            fields.wrong(name, f"must be one number, or one for each of {shape[0]} channels, got {decays[name].shape}")
    threshold = fields.integers("vThMant", low=0, high=(1 << 24) - 1, dtype=np.int32, ndim=(0, 1))
    if threshold is not None and shape is not None and threshold.size not in channels:
        fields.wrong("vThMant", f"must be one number, or one for each of {shape[0]} channels, got {threshold.shape}")
    if kind is None or threshold is None or bias is None or decays["iDecay"] is None or decays["vDecay"] is None:
        return None
    return CubaLif(threshold, decays["iDecay"], decays["vDecay"], bias)


def _refuse_dropped(fields: Fields) -> None:
    """Report what lava-dl reads over although it changes what SLAYER computes."""
    if fields.has("gradedSpike") and fields.integer("gradedSpike"):
        fields.unsupported("gradedSpike", "graded spikes of CUBA neurons are not run by this release (nor by lava-dl)")
    if fields.has("weight_exp"):
        fields.unsupported("weight_exp", "the weight exponent of WgtScaleBatchNorm is not run (lava-dl drops it)")
    if fields.has("wgtExp") and fields.integer("wgtExp"):
        fields.unsupported("wgtExp", "a weight exponent other than 0 is not run (lava-dl drops it)")
    if fields.has("refDelay") and fields.integer("refDelay") not in (None, 1):
        fields.unsupported("refDelay", "a refractory delay other than 1 is not run (lava-dl drops it)")
