"""What stock lava-dl (0.6.0 on lava-nc 0.10.0) would do with a network's plain file."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.neuron import PlainPlace
from lapilli.netx_exports.synapses.synapse import INPUT, Synapse

Weights = npt.NDArray[np.int32]
Fractions = npt.NDArray[np.float64]


def layer_type(layer: Layer) -> str:
    """NetX's name for a layer, by its first synapse: "input", "conv", "dense" or "dense_rec" ("" if it has none)."""
    kind = layer.synapses[0].netx_type
    return "dense_rec" if kind == "dense" and layer.recurrent else kind


def is_plain(network: Network) -> bool:
    """Whether the network is a chain of layers that stock lava-dl's reader knows, with nothing that it reads over."""
    return not _obstacles(network)


def stock_problems(network: Network) -> tuple[str, ...]:
    """Everything that stock lava-dl would do wrong, or not at all, with this network; empty where it runs it rightly.

    Either why the network has no plain file (`save` writes it in the extended form, in which stock lava-dl finds no
    layers), or where stock lava-dl fails on the plain file or, worse, runs it wrongly without a word.
    """
    return tuple(_obstacles(network) or [*_weight_problems(network), *_neuron_problems(network)])


def is_complex(layer: Layer) -> bool:
    """Whether a real and an imaginary dense synapse from the same source feed a layer, and nothing else."""
    return (
        len(layer.synapses) == 2
        and all(_is_dense(synapse) for synapse in layer.synapses)
        and [layer.port_of(synapse) for synapse in layer.synapses] == ["real", "imag"]
        and layer.synapses[0].source == layer.synapses[1].source != layer.name
    )


def stock_weights(weights: npt.ArrayLike) -> Fractions | None:
    """The weights that stock Lava computes with after lava-dl read `weights`; None where lava-dl fails.

    Fractions of 1 count: Lava adds up the weights of all sources before it rounds the sum down.

    Arguments:
        weights: whole numbers of a dense layer, or both matrices of a recurrent one side by side.
    """
    matrix = np.asarray(weights, np.int32)
    shifted = _shift(matrix)
    return None if shifted is None else _in_synapse(*shifted)


def _obstacles(network: Network) -> list[str]:
    found = []
    source, before = INPUT, None
    for layer in network.layers:
        phrases = [*_chain_obstacles(layer, source), *_kind_obstacles(layer, before), *_neuron_obstacles(layer)]
        found += [f"layer {layer.name!r}: {phrase}" for phrase in phrases]
        source, before = layer.name, layer_type(layer)
    return found


def _chain_obstacles(layer: Layer, source: str) -> list[str]:
    """Why the synapses of a layer do not make it a link of a chain."""
    first, *others = layer.synapses
    found = []
    if first.source != source:
        found.append(f"reads {first.source!r} where a chain reads {source!r}")
    if is_complex(layer):
        if _dense_delays(layer):
            found.append("combines complex weights with delays, which lava-dl drops without a word")
        return found
    if others and not _is_recurrence(layer):
        found.append(f"has {len(layer.synapses)} synapses where a chain has one (or a dense one and a recurrent one)")
    ports = [layer.port_of(synapse) for synapse in layer.synapses]
    return found + [
        f"feeds the port {port!r}, which NetX knows of complex dense layers only"
        for port in ports
        if port != layer.neuron.ports[0]
    ]


def _kind_obstacles(layer: Layer, before: str | None) -> list[str]:
    """What speaks against each synapse by itself, and against recurrence."""
    neuron = layer.neuron
    found = [
        phrase for synapse in layer.synapses for phrase in synapse.plain_obstacles(layer.shape, before, neuron.has_bias)
    ]
    if is_complex(layer):
        return found
    if len(layer.synapses) > 1 and _dense_delays(layer):
        found.append("combines recurrence with delays, which lava-dl runs wrongly")
    if layer.recurrent and not neuron.plain_recurrent:
        found.append(f"combines recurrence with neurons of model {neuron.model}, which NetX does not know")
    if len(layer.synapses) > 1 and neuron.has_bias:
        found.append("combines recurrence with a bias, where SLAYER and lava-dl do not mean the same")
    return found


def _neuron_obstacles(layer: Layer) -> list[str]:
    """Why the neurons of a layer cannot stand in a plain file that stock lava-dl reads."""
    neuron = layer.neuron
    behind_input = not all(synapse.weighted for synapse in layer.synapses)
    place = PlainPlace(layer.shape, behind_input, frozenset(layer.port_of(synapse) for synapse in layer.synapses))
    found = neuron.plain_obstacles(place)
    if layer.clock != EVERY_STEP:
        found.append("has a clock, which NetX does not know")
    if behind_input and not neuron.plain_behind_input:
        return [f"has neurons of model {neuron.model} behind the input, which NetX does not know", *found]
    return found


def _dense_delays(layer: Layer) -> bool:
    return any(_is_dense(synapse) and synapse.delay_range[1] for synapse in layer.synapses)


def _is_dense(synapse: Synapse) -> bool:
    return synapse.netx_type == "dense"


def _is_recurrence(layer: Layer) -> bool:
    first, *others = layer.synapses
    return (
        _is_dense(first)
        and len(others) == 1
        and _is_dense(others[0])
        and first.source != layer.name
        and others[0].source == layer.name
    )


def _neuron_problems(network: Network) -> list[str]:
    return [f"layer {layer.name!r}: {phrase}" for layer in network.layers for phrase in layer.neuron.stock_problems()]


def _weight_problems(network: Network) -> list[str]:
    found = []
    for layer in network.layers:
        dense = [synapse for synapse in layer.synapses if _is_dense(synapse)]
        # lava-dl scales both matrices of a recurrent layer alike, those of a complex one apart.
        for together in [[synapse] for synapse in dense] if is_complex(layer) else [dense] if dense else []:
            found += _scaled_wrongly(layer, together)
    return found


def _scaled_wrongly(layer: Layer, dense: list[Synapse]) -> list[str]:
    found = []
    parts = [synapse.effective_weights for synapse in dense]
    shifted = _shift(np.hstack([part.reshape(layer.size, -1) for part in parts]))
    if shifted is None:
        return [f"layer {layer.name!r}: all weights are 0, on which lava-dl fails with an OverflowError"]
    matrix, weight_bits, shift = shifted
    columns = np.cumsum([part.shape[1] for part in parts])[:-1]
    for synapse, part, stored in zip(dense, parts, np.split(matrix, columns, axis=1)):
        runs = _in_synapse(stored, weight_bits, shift)
        if not np.array_equal(part, runs):
            row, column = (int(i) for i in np.argwhere(part != runs)[0])
            found.append(
                f"layer {layer.name!r}: Lava runs {np.count_nonzero(part != runs)} weights from {synapse.source!r} "
                f"wrongly without a word, the first, [{row}, {column}], as {runs[row, column]:g} "
                f"instead of {part[row, column]}"
            )

    return found


def _shift(weights: Weights) -> tuple[Weights, int, int] | None:
    """(weights shifted left, weight bits, shift) as `optimize_weight_bits` of lava-dl's NetX reader; None: it fails."""
    low, high = int(weights.min()), int(weights.max())
    if high > 254 and low < 0:
        weights = np.clip(weights, -256, 254)
        high = 254
    mixed = low < 0 <= high
    if not low and not high:
        return None
    if low < 0 <= high:
        scale = min(127 / high if high else np.inf, -128 / low)
    elif low < 0:
        scale = -256 / low
    else:
        scale = 255 / high
    shift = int(np.floor(np.log2(scale))) + mixed
    zeros = next((n for n in range(8, 0, -1) if not np.any(weights % (1 << n))), 0) - mixed
    return weights << shift, 8 - shift - zeros, shift


def _in_synapse(shifted: Weights, weight_bits: int, shift: int) -> Fractions:
    """What a Lava Dense, which finds its sign mode itself, makes of shifted weights; in the file's unit."""
    # lava-dl finds the best sign mode and then does not pass it on: a matrix without a positive weight is
    # inhibitory to Lava, whose magnitudes end at 255, although lava-dl scaled it to 256.
    inhibitory = shifted.max() <= 0 and shifted.min() < 0
    mixed = not inhibitory and shifted.min() < 0
    magnitude = -shifted if inhibitory else shifted
    magnitude = np.clip(magnitude, -256 if mixed else 0, 255)
    drop = 8 - weight_bits + mixed
    # numpy shifts by a negative number to 0 (or -1), and so does Lava.
    kept = (magnitude >> drop) << drop
    return (-kept if inhibitory else kept) / 2.0**shift
