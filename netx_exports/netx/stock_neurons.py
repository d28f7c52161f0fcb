"""What stock lava-dl (0.6.0 on lava-nc 0.10.0) would do with a layer's neurons."""

import numpy as np

from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, AdaptiveLif, CubaLif, Delta, Neuron, Resonator, SigmaDelta
from lapilli.netx_exports.synapses.kinds import DirectSynapse

_BIAS_LIMIT = 1 << 15


def neuron_obstacles(layer: Layer) -> list[str]:
    """Why the neurons of a layer cannot stand in a plain file that stock lava-dl reads."""
    neuron = layer.neuron
    found = []
    if any(isinstance(synapse, DirectSynapse) for synapse in layer.synapses):
        if not isinstance(neuron, CubaLif | Delta):
            found.append(f"has neurons of model {neuron.model} behind the input, which NetX does not know")
    elif isinstance(neuron, Delta):
        found.append("encodes changes, which NetX knows directly behind the input only")
    if isinstance(neuron, AdaptiveLif):
        found.append("has neurons of model ALIF, on which lava-dl fails")
    if isinstance(neuron, CubaLif):
        found += _cuba_obstacles(neuron, layer)
    if isinstance(neuron, Delta | SigmaDelta) and neuron.spike_exp != 6:
        found.append(f"has spike_exp {neuron.spike_exp} where NetX means 6")
    if isinstance(neuron, SigmaDelta):
        if neuron.activation != "relu":
            found.append(f"has the activation {neuron.activation!r}, which lava-dl runs as relu")
        found += _bias_obstacles(neuron, layer)
        if np.any((np.asarray(neuron.bias_mant) < -_BIAS_LIMIT) | (np.asarray(neuron.bias_mant) >= _BIAS_LIMIT)):
            found.append("has a bias of more than 16 bits")
    if isinstance(neuron, Resonator) and "imag" not in {getattr(synapse, "part", "real") for synapse in layer.synapses}:
        found.append("has complex neurons without an imaginary synapse")
    return found


def neuron_problems(neuron: Neuron) -> list[str]:
    """What stock lava-dl makes of neurons that it reads, where it is not what they mean."""
    if isinstance(neuron, Resonator):
        runs = stock_turn(neuron.sin_decay, neuron.cos_decay)
        if runs is None:
            return ["has a sine decay of 0, on which lava-dl fails with a division by zero"]
        if runs != (neuron.sin_decay, neuron.cos_decay):
            return [f"Lava runs sine and cosine decay as {runs} instead of {(neuron.sin_decay, neuron.cos_decay)}"]
    return []


def stock_turn(sin_decay: int, cos_decay: int) -> tuple[int, int] | None:
    """Sine and cosine decay with which stock Lava runs: it goes by way of a period and a decay; None: it fails."""
    sine, cosine = sin_decay / DECAY_UNITY, cos_decay / DECAY_UNITY
    decay = 1 - np.sqrt(sine**2 + cosine**2)
    frequency = np.arctan2(sine, cosine) / 2 / np.pi
    if not frequency:
        return None
    period = 1 / frequency
    turned = ((1 - decay) * function(np.pi * 2 * 1 / period) for function in (np.sin, np.cos))
    sine, cosine = (int(np.int32(part * DECAY_UNITY)) for part in turned)
    return sine, cosine


def _cuba_obstacles(neuron: CubaLif, layer: Layer) -> list[str]:
    found = []
    if neuron.bias_exp != 6 and neuron.has_bias:
        found.append(f"has bias_exp {neuron.bias_exp} where NetX means 6")
    if np.size(neuron.vth_mant) > 1:
        found.append("has more than one threshold")
    for name in ("current_decay", "voltage_decay"):
        if np.shape(getattr(neuron, name)) not in {(), (1,), layer.shape[:1]}:
            found.append(f"has a {name} for each neuron where NetX holds one for each channel")
    return found + _bias_obstacles(neuron, layer)


def _bias_obstacles(neuron: Neuron, layer: Layer) -> list[str]:
    if np.shape(neuron.bias_mant) in {(), (1,), layer.shape[:1]}:
        return []
    return ["has a bias_mant for each neuron where NetX holds one for each channel"]
