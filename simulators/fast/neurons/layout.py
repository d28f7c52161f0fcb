"""Where the neurons and the inputs of a layer lie, and silence in what pads it."""

from lapilli.simulators.compiled import spliced

# These return bounds, because functions that count no references may not return arrays.


@spliced
def neurons_of(program, layer):
    """Where a layer's neurons begin among those of all layers, and where their padding ends."""
    return program.layers[layer].at, program.layers[layer].at + program.layers[layer].padded


@spliced
def port_of(program, layer, port):
    """Where what arrives at a port of a layer's neurons, by its number, begins in `State.sums`, and where it ends."""
    at = program.layers[layer].ports_at + port * program.layers[layer].padded
    return at, at + program.layers[layer].padded


@spliced
def without_padding(program, state, layer):
    """Let what pads a layer to whole vectors send nothing."""
    first, last = neurons_of(program, layer)
    state.spiking[first + program.layers[layer].n : last] = 0
