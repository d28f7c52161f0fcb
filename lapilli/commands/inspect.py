"""`lapilli inspect`."""

from lapilli.netx_exports import inspect as inspect_network
from lapilli.netx_exports.chip.needs import ChipNeeds
from lapilli.netx_exports.inspection import Inspection, LayerFacts, Range
from lapilli.netx_exports.neurons.kinds import STATE_EXP
from lapilli.netx_exports.slayer.unshifted import BEHIND
from lapilli.output import print_json, print_table
from lapilli.printable import say
from lapilli.sources.networks import network_file


def inspect(network: str, /, *, json: bool = False) -> None:
    """Show what a network file holds, what stock Lava would do with it, and what a Loihi 2 chip would need.

    Arguments:
        network: file with the network (NetX HDF5), or run folder.
        json: print it as JSON.
    """
    network = network_file(network)
    found = inspect_network(network)
    if json:
        print_json(found.to_json())
        return
    shape = " x ".join(map(str, found.input_shape))
    say(f"{network}: {found.form} NetX, input {shape}{' (graded)' if found.graded_input else ''}")
    layers = [_layer_row(layer) for layer in found.layers]
    print_table("layers", ["layer", "type", "shape", "model", "threshold", "decays", "bias"], layers)
    columns = ["layer", "source", "port", "kind", "weights", "bits", "non-zero", "delays"]
    print_table("synapses", columns, [row for layer in found.layers for row in _synapse_rows(layer)])
    _print_chip(found.loihi2)
    say("\n".join(_lines(found)))


def _layer_row(layer: LayerFacts) -> list[object]:
    neuron = layer.neuron
    parameters = neuron.parameters
    decays = [f"{_span(value)}" for name, value in parameters.items() if name.endswith("_decay") or name == "decays"]
    bias = ""
    if "bias_mant" in parameters:
        exponent = _bias_exponent(parameters)
        scale = f" · 2^{exponent}" if exponent and any(parameters["bias_mant"]) else ""
        bias = _span(parameters["bias_mant"]) + scale
    bias = _span(parameters["gate_bias"]) if "gate_bias" in parameters else bias
    threshold = next((_span(parameters[name]) for name in ("vth_mant", "thresholds") if name in parameters), "")
    shape = " x ".join(map(str, layer.shape))
    return [layer.name, layer.type, shape, neuron.model, threshold, ", ".join(decays), bias]


def _bias_exponent(parameters: dict[str, Range]) -> int:
    """By which power of two a bias mantissa is multiplied, where the kind says so; else 0."""
    if "bias_exp" in parameters:
        return parameters["bias_exp"][0]
    return parameters["spike_exp"][0] + STATE_EXP if "spike_exp" in parameters else 0


def _synapse_rows(layer: LayerFacts) -> list[list[object]]:
    rows: list[list[object]] = []
    for synapse in layer.synapses:
        weights = _span(synapse.weights) + (f" · 2^{synapse.weight_exp}" if synapse.weight_exp else "")
        non_zero = f"{synapse.n_nonzero:,} / {synapse.n_weights:,}"
        row = [layer.name, synapse.source, synapse.port, synapse.kind, weights, synapse.weight_bits, non_zero]
        rows.append([*row, _span(synapse.delays)])
    return rows


def _print_chip(needs: ChipNeeds) -> None:
    columns = ["layer", "neurons", "state KB", "synapse KB", "delay slots", "axons in", "axons out", "cores at least"]
    rows = [
        [
            layer.name,
            layer.neurons,
            _kilobytes(layer.state_bits),
            _kilobytes(layer.synapse_bits),
            layer.delay_slots,
            _known(layer.axons_in),
            layer.axons_out,
            _known(layer.cores_at_least),
        ]
        for layer in needs.layers
    ]
    sums = [needs.neurons, _kilobytes(needs.state_bits), _kilobytes(needs.synapse_bits), needs.delay_slots]
    rows.append(["all", *sums, "", needs.axons_out, _known(needs.cores_at_least)])
    print_table("Loihi 2 (-: not known; rules and sources: docs/how-to/loihi2.md)", columns, rows)


def _kilobytes(bits: int) -> str:
    return f"{bits / 8 / 1024:,.1f}"


def _known(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _lines(found: Inspection) -> list[str]:
    lines = [
        f"{found.n_neurons:,} neurons, {found.n_nonzero:,} non-zero of {found.n_weights:,} weights, "
        f"answers after {found.depth} steps",
        *_schedule_lines(found),
        *_window_lines(found),
        *_readout_lines(found),
        f"fingerprint {found.fingerprint}",
    ]
    if BEHIND in found.metadata:
        lines.append(f"answers {found.metadata[BEHIND]} steps after the SLAYER module that it was read from")
    lines += [f"contradiction in the file: {remark}" for remark in found.remarks]
    lines += [f"ignored in the file: {', '.join(found.ignored)}"] if found.ignored else []
    lines += [f"Loihi 2: {line}" for line in _chip_lines(found.loihi2)]
    if found.form == "extended":
        lines.append("stock Lava: cannot load the extended form")
        lines += [f"plain NetX is not possible: {problem}" for problem in found.stock_problems]
        return lines
    lines += [f"stock Lava: {problem}" for problem in found.stock_problems] or ["stock Lava: runs it rightly"]
    if found.metadata.get("netx_layout", ["input"])[0] in ("conv", "flatten"):
        shape = ", ".join(str(side) for side in reversed(found.input_shape))
        lines.append(f"stock Lava: needs hdf5.Network(…, input_shape=({shape})), because the file does not tell it")
    return lines


def _schedule_lines(found: Inspection) -> list[str]:
    schedule = found.schedule
    if schedule is None:
        return []
    # A cell behind another acts one step later, whatever the schedule.
    copies, behind = schedule.n_copies, schedule.last - schedule.first - schedule.n_copies + 1
    together, apart = f"N + {copies + behind - 1}", f"N x {copies}" + f" + {behind}" * bool(behind)
    elements = f"{copies} copies of each cell: N elements take"
    if schedule.period == 1:
        lines = [f"{elements} {together} cell steps, one copy at a time {apart}"]
    else:
        lines = [f"{elements} {apart} cell steps, one copy at a time; pipelined {together}"]
    if found.n_weights_once < found.n_weights:
        own, once = _kilobytes(found.loihi2.synapse_bits), _kilobytes(found.synapse_bits_once)
        lines.append(
            f"copies share weights: {found.n_weights_once:,} counted once; synapses of a chip {own} KB where each copy "
            f"holds its own, {once} KB where they share"
        )
    return lines


def _window_lines(found: Inspection) -> list[str]:
    seen = found.windows
    if seen is None:
        return []
    several = f"{seen.windows} windows of a map follow each other in {seen.window_layers} layers"
    every = f"every {seen.period} steps" if seen.period > 1 else "every step"
    return [f"{several}; one image {every}, its answer in step {seen.latency} of its sample"]


def _readout_lines(found: Inspection) -> list[str]:
    if found.readout is None:
        return []
    classes = found.readout.classes
    groups = "" if classes is None else f" of {classes} groups of neighbouring output neurons"
    return [f"decides by {found.readout.kind}{groups}", f"fingerprint without the readout {found.run_fingerprint}"]


def _chip_lines(needs: ChipNeeds) -> list[str]:
    if needs.problems:
        return list(needs.problems)
    chips = "one chip" if needs.chips_at_least == 1 else f"{needs.chips_at_least} chips"
    return [f"estimate: {needs.cores_at_least} cores at least, {chips}"]


def _span(value: Range) -> str:
    return str(value[0]) if value[0] == value[1] else f"{value[0]} … {value[1]}"
