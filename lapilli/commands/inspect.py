"""`lapilli inspect`."""

from lapilli.output import print_json, print_table
from netx_exports import inspect as inspect_network
from netx_exports.inspection import Inspection, LayerFacts, Range


def inspect(network: str, /, *, json: bool = False) -> None:
    """Show what a network file holds, layer by layer, and what stock Lava would do with it.

    Arguments:
        network: file with the network (NetX HDF5).
        json: print it as JSON.
    """
    found = inspect_network(network)
    if json:
        print_json(found.to_json())
        return
    shape = " x ".join(map(str, found.input_shape))
    print(f"{network}: {found.form} NetX, input {shape}{' (graded)' if found.graded_input else ''}")
    layers = [_layer_row(layer) for layer in found.layers]
    print_table("layers", ["layer", "type", "shape", "threshold", "decays u, v", "bias"], layers)
    columns = ["layer", "source", "kind", "weights", "bits", "non-zero", "delays"]
    print_table("synapses", columns, [row for layer in found.layers for row in _synapse_rows(layer)])
    print("\n".join(_lines(found)))


def _layer_row(layer: LayerFacts) -> list[object]:
    neuron = layer.neuron
    decays = f"{_span(neuron.current_decay)}, {_span(neuron.voltage_decay)}"
    bias = _span(neuron.bias_mant) + (f" · 2^{neuron.bias_exp}" if any(neuron.bias_mant) else "")
    return [layer.name, layer.type, " x ".join(map(str, layer.shape)), _span(neuron.vth_mant), decays, bias]


def _synapse_rows(layer: LayerFacts) -> list[list[object]]:
    rows: list[list[object]] = []
    for synapse in layer.synapses:
        weights = _span(synapse.weights) + (f" · 2^{synapse.weight_exp}" if synapse.weight_exp else "")
        non_zero = f"{synapse.n_nonzero:,} / {synapse.n_weights:,}"
        row = [layer.name, synapse.source, synapse.kind, weights, synapse.weight_bits, non_zero, _span(synapse.delays)]
        rows.append(row)
    return rows


def _lines(found: Inspection) -> list[str]:
    lines = [
        f"{found.n_neurons:,} neurons, {found.n_nonzero:,} non-zero of {found.n_weights:,} weights, "
        f"answers after {found.depth} steps",
        f"fingerprint {found.fingerprint}",
    ]
    lines += [f"ignored in the file: {', '.join(found.ignored)}"] if found.ignored else []
    if found.form == "extended":
        lines.append("stock Lava: cannot load the extended form")
        lines += [f"plain NetX is not possible: {problem}" for problem in found.stock_problems]
        return lines
    lines += [f"stock Lava: {problem}" for problem in found.stock_problems] or ["stock Lava: runs it rightly"]
    if found.metadata.get("netx_layout", ["input"])[0] in ("conv", "flatten"):
        shape = ", ".join(str(side) for side in reversed(found.input_shape))
        lines.append(f"stock Lava: needs hdf5.Network(…, input_shape=({shape})), because the file does not tell it")
    return lines


def _span(value: Range) -> str:
    return str(value[0]) if value[0] == value[1] else f"{value[0]} … {value[1]}"
