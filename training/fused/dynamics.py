"""What the fused kernels need to know of a SLAYER neuron, and whether they compute what it does."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.kernels.limits import MAGNITUDE_BITS, NEVER
from lapilli.training.networks.slayer import slayer

_cuba = slayer.neuron.cuba
_UNITY = 4096
_CPU = torch.device("cpu")

IntArray = npt.NDArray[np.signedinteger[Any] | np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Dynamics:
    """Constants of a layer of CUBA LIF neurons.

    Arguments:
        scale: units of fixed point in SLAYER's unit.
        spiking: whether the neurons spike; else their output is the voltage, which is never reset.
        threshold: SLAYER's, in single precision.
        threshold_units: the least voltage that spikes, in units of fixed point.
        tau, peak: of the surrogate gradient `peak * exp(-|voltage - threshold| / tau)`.
    """

    scale: int
    spiking: bool
    threshold: np.float32
    threshold_units: int
    tau: np.float32
    peak: np.float32


def fused_dynamics(neuron: Any, spiking: bool = True, device: torch.device = _CPU) -> Dynamics | None:
    """The constants of `neuron`; None where the kernels of `device` do not compute what it does."""
    if not _is_plain(neuron) or not _in_range(neuron, device):
        return None
    if not spiking:
        if neuron.threshold + neuron.threshold_eps > 0:
            return None
        return silent_dynamics(neuron)
    threshold = neuron.threshold + neuron.threshold_eps
    tau, scale = np.float32(neuron.tau_rho * _cuba.TAU_RHO_MULT), np.float32(neuron.scale_rho * _cuba.SCALE_RHO_MULT)
    units = np.float32(threshold * neuron.s_scale)
    # SLAYER resets where the threshold is above 0 only.
    if not (0 < units < 1 << MAGNITUDE_BITS and 0 < tau < np.inf and np.isfinite(scale)):
        return None
    peak = np.float32(np.float32(scale / np.float32(2)) / tau)
    return Dynamics(neuron.s_scale, True, np.float32(threshold), ceil(units), tau, peak)


def silent_dynamics(neuron: Any) -> Dynamics:
    """The constants of `neuron` if it never spiked."""
    zero = np.float32(0)
    return Dynamics(neuron.s_scale, False, zero, NEVER, zero, zero)


def integer_decays(neuron: Any, n_neurons: int) -> tuple[IntArray, IntArray] | None:
    """What each neuron keeps of current and voltage in a step, of 4096; None where a decay is out of its range."""
    if neuron.requires_grad:
        neuron.clamp()
    kept = []
    for decay in (neuron.current_decay, neuron.voltage_decay):
        whole = decay.detach().round()
        if not bool(((whole >= 0) & (whole <= _UNITY)).all()) or whole.numel() not in (1, n_neurons):
            return None
        kept.append((_UNITY - whole).to(torch.int64).expand(n_neurons).numpy().astype(np.uint32))
    return kept[0], kept[1]


def settle(neuron: Any, shape: torch.Size) -> None:
    """Let a neuron that never ran take its shape and draw its decays, as SLAYER does on the first batch."""
    if neuron.shape is None:
        # Not its normalisation: that would count the silence as a batch.
        norm, neuron.norm = neuron.norm, None
        with torch.no_grad():
            neuron.dynamics(torch.zeros(1, *shape, 1))
        neuron.norm = norm


def initial_state(state: torch.Tensor, n_samples: int, n_neurons: int, scale: int) -> IntArray | None:
    """SLAYER's state before the first step, in units, (samples, neurons); None where the kernels cannot hold it.

    As in SLAYER, the state of a batch of another size is forgotten.
    """
    if state.shape[0] != n_samples or state.numel() not in (1, n_samples * n_neurons):
        return np.zeros((n_samples, n_neurons), np.int32)
    units = state.detach().to(torch.float32) * scale
    if not bool((units.abs() < 1 << MAGNITUDE_BITS).all()):
        return None
    return units.to(torch.int32).reshape(n_samples, -1).expand(n_samples, n_neurons).numpy().copy()


def has_hooks(module: torch.nn.Module, before: bool = True) -> bool:
    """Whether someone wants to hear of the module's calls or changes them; `before`: also before the calls."""
    return bool(
        module._forward_hooks
        or (before and module._forward_pre_hooks)
        or module._backward_hooks
        or module._backward_pre_hooks
        or "forward" in vars(module)
    )


def _is_plain(neuron: Any) -> bool:
    return (
        type(neuron) is _cuba.Neuron
        and not {"dynamics", "spike"} & vars(neuron).keys()
        and not has_hooks(neuron)
        and _is_plain_dropout(neuron.drop)
        and not neuron.graded_spike
        and not neuron.debug
    )


def _is_plain_dropout(drop: Any) -> bool:
    return drop is None or (type(drop) is slayer.neuron.Dropout and not drop.inplace and not has_hooks(drop))


def _in_range(neuron: Any, device: torch.device) -> bool:
    scale = neuron.w_scale
    parameters = (neuron.current_decay, neuron.voltage_decay, neuron.current_state)
    return (
        scale >= 1
        and not scale & (scale - 1)
        and neuron.s_scale == scale * 64
        and neuron.threshold is not None
        and all(part.dtype == torch.float32 and part.device == device for part in parameters)
    )
