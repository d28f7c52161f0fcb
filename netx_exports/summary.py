"""A network in a few lines: for the prompt, for a notebook, and as a table."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lapilli.netx_exports.network import Layer, Network

COLUMNS = ("layer", "shape", "neurons", "reads", "weights", "non-zero")

_SHOWN = 6
"""Layers that one line names."""


def network_line(network: "Network") -> str:
    """One line: input, layers, readout, fingerprint."""
    layers = [f"{layer.name} {_shape(layer.shape)}" for layer in network.layers]
    if len(layers) > _SHOWN:
        layers = [layers[0], f"… {len(layers) - 2} layers …", layers[-1]]
    readout = "" if network.readout is None else f", decides by {network.readout.kind}"
    return f"<Network input {_shape(network.input_shape)} → {' → '.join(layers)}{readout}, {network.fingerprint[:8]}>"


def layer_line(layer: "Layer") -> str:
    """One line: name, neurons, and what it reads."""
    reads = ", ".join(f"{synapse.source} ({synapse.kind})" for synapse in layer.synapses)
    return f"<Layer {layer.name}: {_shape(layer.shape)} {layer.neuron.model} neurons, reads {reads}>"


def layer_rows(network: "Network") -> list[list[str]]:
    """A row of `COLUMNS` for each layer; the sums come last."""
    rows, stored, non_zero = [], 0, 0
    for layer in network.layers:
        n_stored = sum(synapse.n_stored_weights(layer.size) for synapse in layer.synapses)
        n_non_zero = sum(int((synapse.effective_weights != 0).sum()) for synapse in layer.synapses)
        reads = ", ".join(f"{synapse.source} ({synapse.kind})" for synapse in layer.synapses)
        row = [layer.name, _shape(layer.shape), layer.neuron.model, reads, f"{n_stored:,}", f"{n_non_zero:,}"]
        rows.append(row)
        stored, non_zero = stored + n_stored, non_zero + n_non_zero
    neurons = sum(layer.size for layer in network.layers)
    return [*rows, ["all", f"{neurons:,}", "", "", f"{stored:,}", f"{non_zero:,}"]]


def network_table(network: "Network") -> str:
    """`layer_rows` as text, with a line above them and one below."""
    rows = [list(COLUMNS), *layer_rows(network)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    right = {COLUMNS.index("weights"), COLUMNS.index("non-zero")}
    lines = [
        "  ".join(cell.rjust(width) if place in right else cell.ljust(width) for place, (cell, width) in cells).rstrip()
        for cells in (list(enumerate(zip(row, widths))) for row in rows)
    ]
    return "\n".join([f"input {_shape(network.input_shape)}{_graded(network)}", *lines, *_facts(network)])


def network_html(network: "Network") -> str:
    """`layer_rows` as an HTML table, for notebooks."""
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in layer_rows(network))
    above = f"<b>Network</b>, input {escape(_shape(network.input_shape))}{_graded(network)}"
    below = "; ".join(map(escape, _facts(network)))
    return f"<div>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}</div>"


def _facts(network: "Network") -> Iterator[str]:
    yield f"answers after {network.depth} steps"
    yield "does not say how a class is decided" if network.readout is None else f"decides by {network.readout.kind}"
    yield f"fingerprint {network.fingerprint[:16]}…"


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)


def _graded(network: "Network") -> str:
    return " (graded)" if network.graded_input else ""


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
