"""Where the neurons and the inputs of a layer lie, and silence in what pads it.

They take a layer's record, because to hand on a whole program takes long to compile. They return bounds, because
functions that count no references may not return arrays.
"""

from lapilli.simulators.compiled import spliced


@spliced
def neurons_of(layer):
    """Where a layer's neurons begin among those of all layers, and where their padding ends."""
    return layer.at, layer.at + layer.padded


@spliced
def port_of(layer, port):
    """Where what arrives at a port of a layer's neurons, by its number, begins in `State.sums`, and where it ends.

    Of kinds that take one sum at each port.
    """
    at = layer.ports_at + port * layer.padded
    return at, at + layer.padded


@spliced
def without_padding(spiking, layer):
    """Let what pads a layer to whole vectors send nothing."""
    spiking[layer.at + layer.n : layer.at + layer.padded] = 0


@spliced
def acts(layer, step):
    """Whether the clock of a layer lets it act in a step."""
    return step >= layer.phase and (step - layer.phase) % layer.period == 0
