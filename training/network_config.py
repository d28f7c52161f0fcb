"""What a SLAYER network is built from, as it stands in a YAML file, and how long an answer takes to come out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netx_exports.synapses import MAX_DELAY

Range = tuple[float, float]

ReadoutKind = Literal["voltage_sum", "spike_count", "softmax_sum"]


@dataclass(frozen=True)
class NetworkConfig:
    """Layers of CUBA LIF neurons and a readout."""

    hidden: tuple[int, ...] = (256,)
    """Neurons of each hidden layer, from input to output."""

    recurrent: bool = False
    """Whether every hidden layer also feeds itself."""

    through_state: bool = False
    """Whether gradients of recurrent layers pass from step to step through current and voltage, not spikes alone."""

    threshold: float = 1.0
    """Voltage at which a neuron spikes; a multiple of 1/64."""

    current_decay: float = 0.1
    """Share of its current that a hidden neuron forgets in a step, 0…1."""

    voltage_decay: float = 0.03
    """Share of its voltage that a hidden neuron forgets in a step, 0…1."""

    current_decay_range: Range | None = None
    """Each hidden neuron has its own current decay, drawn uniformly from here; null: all have `current_decay`."""

    voltage_decay_range: Range | None = None
    """Each hidden neuron has its own voltage decay, drawn uniformly from here; null: all have `voltage_decay`."""

    learn_decays: bool = False
    """Whether the decays of hidden layers and readout are learned: one for a layer, or of each neuron with a range."""

    delays: int = 0
    """Largest learned axonal delay behind each hidden layer, in steps, 0…62; 0: none."""

    initial_delays: Range | None = None
    """The delays' first values are drawn uniformly from here; null: from 0 to `delays`."""

    readout: ReadoutKind = "voltage_sum"
    """What decides the class: voltages of neurons that never spike, summed over all steps, or their softmax in each
    step, summed, or a count of spikes."""

    readout_current_decay: float = 1.0
    """Share of its current that a readout neuron forgets in a step, 0…1."""

    readout_voltage_decay: float = 0.1
    """Share of its voltage that a readout neuron forgets in a step, 0…1."""

    surrogate_width: float = 1.0
    """Distance from the threshold, in thresholds, at which the surrogate gradient has fallen to 1/e of its peak."""

    surrogate_peak: float = 0.5
    """Surrogate gradient of a spike with respect to the voltage, at the threshold."""

    hidden_weight_scale: float = 2.0
    """Factor on torch's initial weights of the hidden layers."""

    readout_weight_scale: float = 1.0
    """Factor on torch's initial weights of the readout."""

    weight_norm: bool = False
    """Whether length and direction of each neuron's input weights are learned apart (not of recurrent weights)."""

    dropout: float = 0.0
    """Share of hidden neurons silenced in training, each for a whole sample (recurrent layers: for a step), 0…1."""


DEFAULT_NETWORK = NetworkConfig()


def depth(config: NetworkConfig) -> int:
    """Steps after which the readout has answered an input spike, learned delays at their largest.

    The exported network's `depth` is this, or less where delays were learned to be shorter.
    """
    return len(config.hidden) * (1 + config.delays) + 1


def config_problems(config: NetworkConfig) -> Iterator[str]:
    """Every value out of its range."""
    if any(size < 1 for size in config.hidden):
        yield f"hidden: sizes must be at least 1, got {list(config.hidden)}"
    for name in ("threshold", "surrogate_width", "surrogate_peak", "hidden_weight_scale", "readout_weight_scale"):
        if not getattr(config, name) > 0:
            yield f"{name}: must be above 0, got {getattr(config, name)}"
    if not (config.threshold * 64).is_integer():
        yield f"threshold: must be a multiple of 1/64, got {config.threshold}"
    for name in ("current_decay", "voltage_decay", "readout_current_decay", "readout_voltage_decay"):
        if not 0 <= getattr(config, name) <= 1:
            yield f"{name}: must be 0…1, got {getattr(config, name)}"
    for name in ("current_decay_range", "voltage_decay_range"):
        yield from _range_problems(name, getattr(config, name), 1)
    if not 0 <= config.dropout < 1:
        yield f"dropout: must be at least 0 and below 1, got {config.dropout}"
    if not 0 <= config.delays <= MAX_DELAY:
        yield f"delays: must be 0…{MAX_DELAY}, got {config.delays}"
    else:
        yield from _range_problems("initial_delays", config.initial_delays, config.delays)
    if config.through_state and not config.recurrent:
        yield "through_state: is of recurrent layers; recurrent is false"


def _range_problems(name: str, values: Range | None, largest: float) -> Iterator[str]:
    if values is not None and not 0 <= values[0] <= values[1] <= largest:
        yield f"{name}: must be two values of 0…{largest:g}, the smaller one first, got {list(values)}"
