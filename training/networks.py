"""SLAYER networks from a typed description."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from netx_exports import Network, from_slayer
from netx_exports.errors import LapilliError
from training.alignment import clear_state
from training.fused import block_module
from training.slayer import slayer


@dataclass(frozen=True)
class NetworkConfig:
    """Layers of CUBA LIF neurons and a readout."""

    hidden: tuple[int, ...] = (256,)
    """Neurons of each hidden layer, from input to output."""

    recurrent: bool = False
    """Whether every hidden layer also feeds itself."""

    threshold: float = 1.0
    """Voltage at which a neuron spikes; a multiple of 1/64."""

    current_decay: float = 0.1
    """Share of its current that a hidden neuron forgets in a step, 0…1."""

    voltage_decay: float = 0.03
    """Share of its voltage that a hidden neuron forgets in a step, 0…1."""

    readout: Literal["voltage_sum", "spike_count"] = "voltage_sum"
    """What decides the class: the voltage of neurons that never spike, summed over all steps, or a count of spikes."""

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

    dropout: float = 0.0
    """Share of hidden neurons silenced in training, each for a whole sample (recurrent layers: for a step), 0…1."""


DEFAULT_NETWORK = NetworkConfig()


class SlayerNetwork(torch.nn.Module):
    """SLAYER blocks run one after the other, each batch from empty state.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        n_inputs: input neurons.
        n_classes: output neurons.

    Raises:
        LapilliError: listing every value out of its range.
    """

    def __init__(self, config: NetworkConfig, n_inputs: int, n_classes: int) -> None:
        super().__init__()
        if problems := list(_problems(config)):
            raise LapilliError("network: " + "; ".join(problems))
        self.config = config
        self.n_inputs = n_inputs
        self.blocks = torch.nn.ModuleList(_blocks(config, n_inputs, n_classes))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """What the last block gives, (samples, classes, steps): voltages of a readout that never spikes, or spikes.

        Arguments:
            values: (samples, inputs, steps), from `training.alignment.slayer_input`.
        """
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each block gives in the step in which its neurons send it, (samples, neurons, steps).

        The next block gets it one step later.

        Arguments:
            values: as of `forward`.
        """
        clear_state(self)
        found: list[torch.Tensor] = []
        for block in self.blocks:
            with _unshifted(block):
                found.append(block(values))
            # By steps first, as the fused blocks write and read.
            values = torch.nn.functional.pad(found[-1].transpose(1, 2), (0, 0, 1, 0))[:, :-1].transpose(1, 2)
        # SLAYER keeps a recurrent block's last spikes in the state dict, in the shape of the batch.
        clear_state(self)
        return found

    def export(self) -> Network:
        """The integer network that this module computes, with its readout in the metadata."""
        return from_slayer(self, (self.n_inputs,), metadata={"readout": {"kind": self.config.readout}})


def depth(config: NetworkConfig) -> int:
    """Steps between an input spike and the first answer of the readout that it can cause, as `Network.depth`."""
    return len(config.hidden) + 1


@contextmanager
def _unshifted(block: Any) -> Iterator[None]:
    """Without the block's own shift by a step, which loses what is sent in the last step."""
    shifts = getattr(block, "delay_shift", False)
    block.delay_shift = False
    try:
        yield
    finally:
        block.delay_shift = shifts


def _blocks(config: NetworkConfig, n_inputs: int, n_classes: int) -> Iterator[torch.nn.Module]:
    cuba = block_module()
    hidden = cuba.Recurrent if config.recurrent else cuba.Dense
    sizes = (n_inputs, *config.hidden)
    for source, size in zip(sizes, config.hidden):
        dropout = slayer.neuron.Dropout(config.dropout) if config.dropout else None
        parameters = _neuron(config, config.current_decay, config.voltage_decay) | {"dropout": dropout}
        yield hidden(parameters, source, size, weight_scale=config.hidden_weight_scale)
    parameters = _neuron(config, config.readout_current_decay, config.readout_voltage_decay)
    readout = cuba.Affine if config.readout == "voltage_sum" else cuba.Dense
    # SLAYER shifts the spikes of a block by one step; of the last block, that would lose those of the last step.
    unshifted = {"delay_shift": False} if config.readout == "spike_count" else {}
    yield readout(parameters, sizes[-1], n_classes, weight_scale=config.readout_weight_scale, **unshifted)


def _neuron(config: NetworkConfig, current_decay: float, voltage_decay: float) -> dict[str, Any]:
    width, peak = config.surrogate_width, config.surrogate_peak
    return {
        "threshold": config.threshold,
        "current_decay": current_decay,
        "voltage_decay": voltage_decay,
        # SLAYER's derivative is `scale / (2 tau) * exp(-|v - threshold| / tau)` with
        # tau = 100 * tau_grad * threshold and scale = 0.1 * scale_grad (lava-dl 0.6.0, neuron/cuba.py).
        "tau_grad": width / 100,
        "scale_grad": 20 * peak * width * config.threshold,
    }


def _problems(config: NetworkConfig) -> Iterator[str]:
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
    if not 0 <= config.dropout < 1:
        yield f"dropout: must be at least 0 and below 1, got {config.dropout}"
